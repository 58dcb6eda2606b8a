"""The nodes of one chain: asked in turn, the first healthy one first."""

import asyncio
from collections.abc import Callable, Sequence
from time import monotonic
from typing import TypeVar

from payments.chains import ChainUnavailable, RpcError
from payments.chains.answers import Question
from payments.chains.rpc import AnswerTooLarge, Endpoint

T = TypeVar("T")
Answer = TypeVar("Answer")


class Endpoints:
    """One or more nodes that stand in for each other.

    Each is asked at most once per question, so the longest wait is the time limit of one call
    times the number of endpoints. Sends pass through here too: the same signed bytes twice are
    one transaction.
    """

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        if not endpoints:
            raise ValueError("a chain needs at least one endpoint")
        self._endpoints = tuple(endpoints)

    @property
    def are_several(self) -> bool:
        """Whether there is another one to ask."""
        return len(self._endpoints) > 1

    async def ask(self, questions: Sequence[Question[T]]) -> list[T | RpcError]:
        """Ask several questions in one round trip; errors of the node are answers too."""
        return await self._in_turn(questions, lambda question, answer: answer)

    async def one(self, question: Question[T]) -> T:
        """Ask one question to which an error is no answer."""
        return (await self.all([question]))[0]

    async def all(self, questions: Sequence[Question[T]]) -> list[T]:
        """Ask several questions in one round trip, to none of which an error is an answer.

        What one node has thrown away, or has not reached yet, the next one may have.
        """
        return await self._in_turn(questions, _sure)

    async def _in_turn(
        self,
        questions: Sequence[Question[T]],
        read: Callable[[Question[T], T | RpcError], Answer],
    ) -> list[Answer]:
        if not questions:
            return []
        reasons = []
        for endpoint in self._healthy_first():
            try:
                answers = await endpoint.ask(questions)
                return [read(*pair) for pair in zip(questions, answers, strict=True)]
            except AnswerTooLarge:
                raise
            except ChainUnavailable as unavailable:
                reasons.append(str(unavailable))
        raise ChainUnavailable("; ".join(reasons))

    async def every(self, question: Question[T]) -> list[T | ChainUnavailable]:
        """Ask every endpoint the same question; who does not answer, why not."""

        async def answer(endpoint: Endpoint) -> T | ChainUnavailable:
            try:
                return _sure(question, (await endpoint.ask([question]))[0])
            except ChainUnavailable as unavailable:
                return unavailable

        return await asyncio.gather(*map(answer, self._endpoints))

    async def close(self) -> None:
        """Let go of every connection."""
        for endpoint in self._endpoints:
            await endpoint.close()

    def _healthy_first(self) -> list[Endpoint]:
        now = monotonic()
        return sorted(self._endpoints, key=lambda each: each.rests_until > now)


def _sure(question: Question[T], answer: T | RpcError) -> T:
    if isinstance(answer, RpcError):
        raise ChainUnavailable(f"{question.method}: {answer}")
    return answer
