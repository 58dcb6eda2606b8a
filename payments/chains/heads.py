"""New heads, by websocket where the node has one, else by asking again and again."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import aclosing
from time import monotonic

import aiohttp
import orjson

from payments.chains import Block, ChainUnavailable
from payments.chains.answers import Garbage, block, quantity
from payments.chains.rpc import origin_of

logger = logging.getLogger(__name__)

# A subscription this quiet may be dead: it is made anew, and the head asked for meanwhile.
QUIET_SECONDS = 30.0
# After a failure the websocket is left alone this long, so that polling keeps its pace.
REST_SECONDS = 10.0
# The id of the question for the newest block.
_NEWEST = 3


class HeadSocket:
    """A websocket on which a node tells its new heads."""

    def __init__(
        self,
        url: str,
        chain_id: int,
        *,
        open_client: Callable[[str], aiohttp.ClientSession],
        timeout_seconds: float,
        message_bytes_max: int,
    ) -> None:
        self._url = url
        self._chain_id = chain_id
        self._open_client = open_client
        self._timeout_seconds = timeout_seconds
        self._message_bytes_max = message_bytes_max

    async def listen(self) -> AsyncGenerator[Block, None]:
        """Tell heads until all is quiet; a lost connection is a ChainUnavailable."""
        # Raised outside the handlers: an aiohttp error in the context would carry the URL.
        try:
            async with self._open_client(origin_of(self._url)) as client:
                async with asyncio.timeout(self._timeout_seconds):
                    socket = await client.ws_connect(
                        self._url, max_msg_size=self._message_bytes_max
                    )
                async with socket:
                    async with asyncio.timeout(self._timeout_seconds):
                        await self._subscribe(socket)
                    while (head := await self._next_head(socket)) is not None:
                        yield head
            return
        except TimeoutError:
            reason = f"no answer within {self._timeout_seconds} s"
        except Garbage as error:
            reason = str(error)
        except (aiohttp.ClientError, OSError) as error:
            reason = type(error).__name__
        raise ChainUnavailable(f"websocket: {reason}")

    async def _subscribe(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        served = quantity(await self._call(socket, 1, "eth_chainId", []))
        if served != self._chain_id:
            raise Garbage(f"it serves chain {served}, not {self._chain_id}")
        await self._call(socket, 2, "eth_subscribe", ["newHeads"])
        # A block may have come before the subscription did. Heads may overtake this answer.
        await _send(socket, _NEWEST, "eth_getBlockByNumber", ["latest", False])

    async def _call(
        self, socket: aiohttp.ClientWebSocketResponse, call_id: int, method: str, params: list[str]
    ) -> object:
        await _send(socket, call_id, method, params)
        answer = await _receive(socket)
        if answer.get("id") != call_id or "result" not in answer:
            raise Garbage(f"{method} was refused")
        return answer["result"]

    async def _next_head(self, socket: aiohttp.ClientWebSocketResponse) -> Block | None:
        try:
            async with asyncio.timeout(QUIET_SECONDS):
                message = await _receive(socket)
        except TimeoutError:
            return None
        told = message if message.get("id") == _NEWEST else message.get("params")
        return block(told.get("result") if isinstance(told, dict) else None)


async def new_heads(
    poll: Callable[[], Awaitable[Block]], socket: HeadSocket | None, poll_seconds: float
) -> AsyncGenerator[Block, None]:
    """Tell each new head, for ever; an outage is silence."""
    seen = b""
    asking, listening = Trouble("asking for the head"), Trouble("listening for heads")
    socket_rests_until = 0.0
    while True:
        try:
            head = await poll()
            asking.is_over()
            if head.hash != seen:
                seen = head.hash
                yield head
        except ChainUnavailable as unavailable:
            asking.tell(unavailable)
        try:
            if socket is not None and monotonic() >= socket_rests_until:
                socket_rests_until = monotonic() + REST_SECONDS
                async with aclosing(socket.listen()) as heads:
                    async for head in heads:
                        listening.is_over()
                        if head.hash != seen:
                            seen = head.hash
                            yield head
        except ChainUnavailable as unavailable:
            listening.tell(unavailable)
        await asyncio.sleep(poll_seconds)


class Trouble:
    """Tells the log of an outage once, not at every attempt."""

    def __init__(self, doing: str) -> None:
        self._doing = doing
        self._told = False

    def tell(self, why: ChainUnavailable) -> None:
        if not self._told:
            logger.warning("Trouble %s: %s", self._doing, why)
        self._told = True

    def is_over(self) -> None:
        if self._told:
            logger.info("No more trouble %s", self._doing)
        self._told = False


async def _send(
    socket: aiohttp.ClientWebSocketResponse, call_id: int, method: str, params: Sequence[object]
) -> None:
    call = {"jsonrpc": "2.0", "id": call_id, "method": method, "params": params}
    await socket.send_str(orjson.dumps(call).decode())


async def _receive(socket: aiohttp.ClientWebSocketResponse) -> dict[str, object]:
    message = await socket.receive()
    if message.type is not aiohttp.WSMsgType.TEXT:
        raise Garbage("the connection was lost")
    try:
        document = orjson.loads(message.data)
    except orjson.JSONDecodeError:
        raise Garbage("not JSON") from None
    if not isinstance(document, dict):
        raise Garbage("no JSON-RPC")
    return document
