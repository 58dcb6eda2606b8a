"""Many reads of contracts in one question."""

from collections.abc import Sequence

from payments.chains import ChainUnavailable, RpcError
from payments.chains.abi import aggregate3, aggregate3_results
from payments.chains.answers import Question, data
from payments.chains.endpoints import Endpoints
from payments.chains.reverts import is_execution_failure

# 200 reads of a token are about 2 million gas and a reply of 60 kB.
READS_MAX = 200


def read_of(to: str, call_data: bytes, block: str) -> Question[bytes]:
    """Ask what a contract returns, at a block given as the node wants it named."""
    return Question("eth_call", ({"to": to, "data": f"0x{call_data.hex()}"}, block), data)


class Multicall:
    """Reads through Multicall3 where there is one, and one by one where there is none."""

    def __init__(self, endpoints: Endpoints, address: str) -> None:
        self._endpoints = endpoints
        self._address = address

    async def read(self, calls: Sequence[tuple[str, bytes]], block: str) -> list[bytes | None]:
        """Return what each call returned, None where it reverted."""
        found: list[bytes | None] = []
        for start in range(0, len(calls), READS_MAX):
            found += await self._read_some(calls[start : start + READS_MAX], block)
        return found

    async def _read_some(
        self, calls: Sequence[tuple[str, bytes]], block: str
    ) -> list[bytes | None]:
        packed = await self._endpoints.one(read_of(self._address, aggregate3(calls), block))
        if not packed:
            return await self._one_by_one(calls, block)
        try:
            results = aggregate3_results(packed, len(calls))
        except ValueError:
            raise ChainUnavailable("the multicall answered garbage") from None
        return [returned if success else None for success, returned in results]

    async def _one_by_one(
        self, calls: Sequence[tuple[str, bytes]], block: str
    ) -> list[bytes | None]:
        answers = await self._endpoints.ask([read_of(to, packed, block) for to, packed in calls])
        return [_returned(answer) for answer in answers]


def _returned(answer: bytes | RpcError) -> bytes | None:
    if not isinstance(answer, RpcError):
        return answer
    if not is_execution_failure(answer):
        raise ChainUnavailable(f"eth_call: {answer.message}")
    return None
