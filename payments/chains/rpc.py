"""JSON-RPC with one node: every call has a time limit, a size limit and a strict reading.

By hand rather than with web3: its provider has no limit on the size of an answer, brings HTTP
sessions and middlewares of its own where `egress` is the one maker of clients, and puts the
node's URL, which may hold an API key, into its errors. Asking for a block costs 0.27 ms of CPU
here and 0.93 ms there.
"""

import asyncio
import re
from collections.abc import Callable, Sequence
from itertools import count
from time import monotonic
from typing import TypeVar

import aiohttp
import orjson
from yarl import URL

from payments.chains import ChainUnavailable, RpcError
from payments.chains.answers import Garbage, Question, data, printable, quantity

T = TypeVar("T")

# How long an endpoint that failed is asked last.
REST_SECONDS = 3.0
_MESSAGE_CHARACTERS_MAX = 300
_SECRET_CHARACTERS_MIN = 6
_CHAIN_ID = Question("eth_chainId", (), quantity)
# Many nodes explain a refused question under 400, in an ordinary JSON-RPC error.
_STATUSES_WITH_AN_ANSWER = (200, 400)
# Errors about the asker's account at the provider, not about the question.
_ABOUT_THE_NODE = ("rate limit", "request rate", "too many requests", "request count exceeded")


class AnswerTooLarge(ChainUnavailable):
    """The answer was longer than we accept; a narrower question may do."""


class Endpoint:
    """One node at one URL, trusted only after it named the right chain."""

    def __init__(
        self,
        url: str,
        label: str,
        chain_id: int,
        *,
        open_client: Callable[[str], aiohttp.ClientSession],
        timeout_seconds: float,
        response_bytes_max: int,
    ) -> None:
        self.label = label
        self.rests_until = 0.0
        self._url = url
        self._origin = origin_of(url)
        self._secrets = _secrets_of(url)
        self._chain_id = chain_id
        self._open_client = open_client
        self._client: aiohttp.ClientSession | None = None
        self._closed = False
        self._timeout_seconds = timeout_seconds
        self._response_bytes_max = response_bytes_max
        self._ids = count(1)
        self._verified = False
        self._verifying = asyncio.Lock()

    async def ask(self, questions: Sequence[Question[T]]) -> list[T | RpcError]:
        """Ask everything in one round trip and return the answers in order."""
        # The reason is raised outside the handlers: an aiohttp error in the new exception's
        # context would carry the URL into logs.
        try:
            async with asyncio.timeout(self._timeout_seconds):
                await self._verify_chain()
                return await self._exchange(questions)
        except TimeoutError:
            reason = f"no answer within {self._timeout_seconds} s"
        except Garbage as error:
            reason = str(error)
        except (aiohttp.ClientError, OSError) as error:
            reason = type(error).__name__
        self._verified = False
        self.rests_until = monotonic() + REST_SECONDS
        raise ChainUnavailable(f"{self.label}: {reason}")

    async def close(self) -> None:
        """Let go of the node's connections."""
        self._closed = True
        if self._client is not None:
            await self._client.close()

    async def _verify_chain(self) -> None:
        if self._verified:
            return
        async with self._verifying:
            if self._verified:
                return
            (answer,) = await self._exchange([_CHAIN_ID])
            if answer != self._chain_id:
                raise Garbage(f"it serves chain {answer}, not {self._chain_id}")
            self._verified = True

    async def _exchange(self, questions: Sequence[Question[T]]) -> list[T | RpcError]:
        calls = [
            {
                "jsonrpc": "2.0",
                "id": next(self._ids),
                "method": question.method,
                "params": question.params,
            }
            for question in questions
        ]
        raw = await self._post(orjson.dumps(calls if len(calls) > 1 else calls[0]))
        answers = self._match(raw, [call["id"] for call in calls])
        return [
            self._read(question, answer)
            for question, answer in zip(questions, answers, strict=True)
        ]

    async def _post(self, body: bytes) -> bytes:
        if self._closed:
            raise Garbage("closed")
        if self._client is None:
            self._client = self._open_client(self._origin)
        async with self._client.post(
            self._url,
            data=body,
            headers={"Content-Type": "application/json"},
            allow_redirects=False,
        ) as response:
            if response.status not in _STATUSES_WITH_AN_ANSWER:
                raise Garbage(f"HTTP status {response.status}")
            received = bytearray()
            async for chunk in response.content.iter_any():
                received += chunk
                if len(received) > self._response_bytes_max:
                    raise AnswerTooLarge(f"{self.label}: the answer is too large")
        return bytes(received)

    def _match(self, raw: bytes, ids: Sequence[object]) -> list[dict[str, object]]:
        try:
            document = orjson.loads(raw)
        except orjson.JSONDecodeError:
            raise Garbage("the answer is not JSON") from None
        answers = [document] if isinstance(document, dict) else document
        if not isinstance(answers, list):
            raise Garbage("the answer is no JSON-RPC")
        by_id = {
            each["id"]: each
            for each in answers
            if isinstance(each, dict)
            and each.get("jsonrpc") == "2.0"
            and type(each.get("id")) is int
        }
        if len(answers) != len(ids) or by_id.keys() != set(ids):
            raise Garbage("the answers do not match the questions")
        return [by_id[each] for each in ids]

    def _read(self, question: Question[T], answer: dict[str, object]) -> T | RpcError:
        error = answer.get("error")
        if error is not None:
            return self._rpc_error(error)
        if "result" not in answer:
            raise Garbage("an answer has no result")
        try:
            return question.read(answer["result"])
        except Garbage as garbage:
            raise Garbage(f"{question.method}: {garbage}") from None

    def _rpc_error(self, error: object) -> RpcError:
        if not isinstance(error, dict) or type(error.get("code")) is not int:
            raise Garbage("an error has no code")
        message = self._scrub(str(error.get("message", "")))
        if error["code"] == 429 or any(each in message.lower() for each in _ABOUT_THE_NODE):
            raise Garbage(message)
        return RpcError(error["code"], message, _revert_data(error.get("data")))

    def _scrub(self, text: str) -> str:
        text = re.sub(r"\w+://\S+", "…", text)
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return printable(text, _MESSAGE_CHARACTERS_MAX)


def origin_of(url: str) -> str:
    """Return what of a URL may be known to whoever opens connections: no path, no key."""
    return str(URL(url).origin())


def _secrets_of(url: str) -> list[str]:
    parts = re.split(r"[/?&=:@#]+", url.partition("://")[2])
    return sorted((each for each in parts if len(each) >= _SECRET_CHARACTERS_MIN), key=len)[::-1]


def _revert_data(value: object) -> bytes | None:
    # Some nodes write "Reverted 0x…".
    if not isinstance(value, str) or "0x" not in value:
        return None
    try:
        return data(value[value.rindex("0x") :])
    except Garbage:
        return None
