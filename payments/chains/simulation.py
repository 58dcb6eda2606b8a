"""Trying payments before work is done for them: those that arrive together share a round trip.

A round is one JSON-RPC batch. Payers known to have no code share one Multicall3 call; everybody
else is tried by an eth_call of their own, because a contract wallet may burn all the gas it is
given. A payer seen for the first time travels alone while the same batch asks for its code.
"""

from collections import Counter
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from payments.chains import Call, ChainUnavailable, RpcError, Simulation
from payments.chains.abi import address_word, aggregate3, aggregate3_results
from payments.chains.answers import Question, data
from payments.chains.codes import CodeMemory, code_at
from payments.chains.collector import Collector, TooManyWaiting
from payments.chains.endpoints import Endpoints
from payments.chains.reverts import is_execution_failure, words_of

# A member needs eth_getCode and eth_call at most: twice this, and the shared call, stays near
# the hundred questions that hosted nodes commonly allow in a batch.
ROUND_MAX = 48
WAITING_MAX = 5_000
# What Multicall3 and the call data cost on top of the members' own gas.
_SHARED_GAS = 60_000
_SHARED_GAS_PER_MEMBER = 20_000

Tried = Simulation | ChainUnavailable
_FAILED_IN_COMPANY = ChainUnavailable("failed in company, to be tried alone")


@dataclass(frozen=True, slots=True)
class Member:
    """One payment in a round."""

    call: Call
    payer: str
    afresh: bool  # whether the payer has code is asked, whatever is remembered


class Simulator:
    """Tries calls on the newest state of one chain."""

    def __init__(self, endpoints: Endpoints, multicall: str, codes: CodeMemory) -> None:
        self._endpoints = endpoints
        self._multicall = multicall
        self._codes = codes
        self._together: Collector[Member, Tried] = Collector(
            self._try_together, round_max=ROUND_MAX, waiting_max=WAITING_MAX
        )
        self._alone: Collector[Member, Tried] = Collector(
            self._try_alone, round_max=ROUND_MAX, waiting_max=WAITING_MAX
        )

    async def simulate(self, call: Call, payer: str, *, afresh: bool = False) -> Simulation:
        """Try one payment, in the company of whatever else is to be tried now.

        `afresh`: the answer says whether the payer has code now, and not a moment ago.
        """
        member = Member(call, payer, afresh)
        try:
            tried = await self._together.submit(member)
            if tried is _FAILED_IN_COMPANY:
                tried = await self._alone.submit(member)
        except TooManyWaiting:
            raise ChainUnavailable("too many payments wait to be simulated") from None
        if isinstance(tried, ChainUnavailable):
            raise tried
        return tried

    async def close(self) -> None:
        """Stop trying."""
        await self._together.close()
        await self._alone.close()

    async def _try_together(self, members: Sequence[Member]) -> list[Tried]:
        remembered = {
            address: has_code
            for address in _addresses(members)
            if (has_code := self._codes.recall(address)) is not None
        }
        doubted = {member.payer for member in members if member.afresh}
        return await self._try(members, remembered, doubted)

    async def _try_alone(self, members: Sequence[Member]) -> list[Tried]:
        return await self._try(members, {}, set())

    async def _try(
        self, members: Sequence[Member], codes: dict[str, bool], doubted: Set[str]
    ) -> list[Tried]:
        """Try a round in one batch: missing and doubted codes, the shared call, the single calls.

        What is doubted still chooses how a member travels, and no more.
        """
        unknown = [each for each in _addresses(members) if each not in codes or each in doubted]
        shares = _who_may_share(members, codes)
        sharing = [member.call for member, share in zip(members, shares, strict=True) if share]
        solo = [member.call for member, share in zip(members, shares, strict=True) if not share]
        answers = iter(
            await self._endpoints.ask(
                [
                    *map(code_at, unknown),
                    *([self._shared_question(sharing)] if sharing else []),
                    *(_question(call.to, call.data, call.gas) for call in solo),
                ]
            )
        )
        for address in unknown:
            code = next(answers)
            if isinstance(code, RpcError):
                raise ChainUnavailable(f"eth_getCode: {code.message}")
            codes[address] = bool(code)
            self._codes.note(address, codes[address])
        passed = iter(_passed_together(next(answers), len(sharing)) if sharing else ())
        return [
            (_passed_in_company(codes[member.payer]) if next(passed) else _FAILED_IN_COMPANY)
            if share
            else _judge(member, next(answers), codes)
            for member, share in zip(members, shares, strict=True)
        ]

    def _shared_question(self, calls: Sequence[Call]) -> Question[bytes]:
        gas = sum(call.gas + _SHARED_GAS_PER_MEMBER for call in calls) + _SHARED_GAS
        return _question(self._multicall, aggregate3([(call.to, call.data) for call in calls]), gas)


def _addresses(members: Sequence[Member]) -> list[str]:
    return list(
        dict.fromkeys(each for member in members for each in (member.payer, member.call.to))
    )


def _who_may_share(members: Sequence[Member], codes: Mapping[str, bool]) -> list[bool]:
    """Say who may ride in the shared call.

    Inside it one call sees what an earlier one did, so a payer whom another member's call names,
    as its payer or as the one who is paid, is tried alone: else it could be starved, or pass on
    money it does not have yet.
    """
    named = Counter(word for member in members for word in _words(member.call.data))
    shares = [
        codes.get(member.payer) is False
        and codes.get(member.call.to) is True
        and named[address_word(member.payer)] <= 1
        for member in members
    ]
    return shares if sum(shares) > 1 else [False] * len(members)


def _passed_in_company(payer_has_code: bool) -> Tried:
    """Code that came meanwhile may say yes to anybody: its payer is tried once more, alone."""
    return _FAILED_IN_COMPANY if payer_has_code else Simulation(True, "", payer_has_code=False)


def _words(call_data: bytes) -> set[bytes]:
    return {call_data[at : at + 32] for at in range(4, len(call_data), 32)}


def _passed_together(answer: bytes | RpcError, members: int) -> list[bool]:
    """Read who passed; nobody when there is no multicall, or it did not come through."""
    try:
        if not isinstance(answer, RpcError):
            return [success for success, _ in aggregate3_results(answer, members)]
    except ValueError:
        pass
    return [False] * members


def _judge(member: Member, answer: bytes | RpcError, codes: Mapping[str, bool]) -> Tried:
    payer_has_code = codes[member.payer]
    if not codes[member.call.to]:
        # A call to an address without code succeeds and does nothing.
        return Simulation(False, f"no contract at {member.call.to}", payer_has_code)
    if not isinstance(answer, RpcError):
        return Simulation(True, "", payer_has_code)
    if not is_execution_failure(answer):
        return ChainUnavailable(f"eth_call: {answer.message}")
    return Simulation(False, words_of(answer), payer_has_code)


def _question(to: str, call_data: bytes, gas: int) -> Question[bytes]:
    call = {"to": to, "data": f"0x{call_data.hex()}", "gas": hex(gas)}
    return Question("eth_call", (call, "latest"), data)
