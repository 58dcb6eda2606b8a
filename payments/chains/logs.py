"""Finding events: in ranges a node will answer, and never from a node that lags behind."""

import contextlib
from collections.abc import Sequence
from functools import partial

from payments.chains import ChainUnavailable, FoundLog, RpcError, Topic
from payments.chains.answers import Garbage, Question, found_logs, quantity
from payments.chains.endpoints import Endpoints
from payments.chains.rpc import AnswerTooLarge


class LogSearch:
    """Searches one chain's events."""

    def __init__(self, endpoints: Endpoints, range_blocks: int) -> None:
        self._endpoints = endpoints
        self._range_blocks = range_blocks

    async def find(
        self, address: str, topics: Sequence[Topic], from_block: int, to_block: int
    ) -> list[FoundLog]:
        """Find a contract's events; a node that says "too many" is asked for fewer blocks."""
        found: list[FoundLog] = []
        start, span = from_block, self._range_blocks
        while start <= to_block:
            end = min(start + span - 1, to_block)
            try:
                found += await self._find_in(address, topics, start, end)
            except (RpcError, AnswerTooLarge) as error:
                if start == end:
                    raise ChainUnavailable(f"eth_getLogs: {error}") from None
                span = (end - start + 1) // 2
                continue
            start = end + 1
        return found

    async def _find_in(
        self, address: str, topics: Sequence[Topic], start: int, end: int
    ) -> list[FoundLog]:
        search = {
            "address": address,
            "topics": [_topic(topic) for topic in topics],
            "fromBlock": hex(start),
            "toBlock": hex(end),
        }
        questions: list[Question[int | list[FoundLog]]] = [
            Question("eth_blockNumber", (), quantity),
            Question("eth_getLogs", (search,), partial(_logs_of, address, start, end)),
        ]
        head, logs = await self._endpoints.ask(questions)
        if isinstance(logs, RpcError) and self._endpoints.are_several:
            # Too many for this node, or gone from it: another may have them.
            with contextlib.suppress(ChainUnavailable):
                head, logs = await self._endpoints.all(questions)
        if not isinstance(head, int):
            raise ChainUnavailable(f"eth_blockNumber: {head}")
        if head < end:
            # Such a node answers with the logs it has, not with an error.
            raise ChainUnavailable(f"the node is at block {head}, not yet at {end}")
        if isinstance(logs, RpcError):
            raise logs
        assert isinstance(logs, list)
        return logs


def _topic(topic: Topic) -> object:
    if topic is None or isinstance(topic, bytes):
        return None if topic is None else f"0x{topic.hex()}"
    return [f"0x{each.hex()}" for each in topic]


def _logs_of(address: str, start: int, end: int, value: object) -> list[FoundLog]:
    logs = found_logs(value)
    for log in logs:
        if log.entry.address.lower() != address.lower() or not start <= log.block_number <= end:
            raise Garbage("a log nobody asked for")
    return logs
