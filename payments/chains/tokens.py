"""What a token says: who holds how much, which authorizations it has seen, and its own name."""

from collections.abc import Callable, Sequence
from typing import TypeVar

from payments.chains import ChainUnavailable, TokenFacts
from payments.chains.abi import address_word, flag, number, selector, text
from payments.chains.answers import Question, printable
from payments.chains.multicall import Multicall, read_of

T = TypeVar("T")

_BALANCE_OF = selector("balanceOf(address)")
_AUTHORIZATION_STATE = selector("authorizationState(address,bytes32)")
_NAME = selector("name()")
_VERSION = selector("version()")
_DECIMALS = selector("decimals()")
_DOMAIN_SEPARATOR = selector("DOMAIN_SEPARATOR()")
_NAME_CHARACTERS_MAX = 100


def state_of(token: str, payer: str, nonce: bytes) -> Question[bytes]:
    """Ask whether a token has seen an authorization by now."""
    return read_of(token, _AUTHORIZATION_STATE + address_word(payer) + nonce, "latest")


def is_unused(state: bytes) -> bool:
    """Whether it has not; silence must never pass for that."""
    return _read(flag, state) is False


class Tokens:
    """Reads the tokens of one chain."""

    def __init__(self, multicall: Multicall) -> None:
        self._multicall = multicall

    async def authorization_states(
        self, token: str, authorizations: Sequence[tuple[str, bytes]], block: str
    ) -> list[bool]:
        """Say for many (payer, nonce) whether the token has seen them; all or nothing."""
        answers = await self._multicall.read(
            [
                (token, _AUTHORIZATION_STATE + address_word(payer) + nonce)
                for payer, nonce in authorizations
            ],
            block,
        )
        states = [_read(flag, answer) for answer in answers]
        known = [state for state in states if state is not None]
        if len(known) != len(states):
            # Silence about an authorization must never pass for "not used".
            raise ChainUnavailable(f"{token} does not tell its authorizations")
        return known

    async def balances(self, token: str, owners: Sequence[str]) -> list[int]:
        """Say how much each of these has; all or nothing."""
        asked = [(token, _BALANCE_OF + address_word(owner)) for owner in owners]
        found = [_read(number, each) for each in await self._multicall.read(asked, "latest")]
        known = [balance for balance in found if balance is not None]
        if len(known) != len(found):
            raise ChainUnavailable(f"{token} does not tell its balances")
        return known

    async def facts(self, token: str) -> TokenFacts:
        """Read what a token says about itself."""
        name, version, decimals, domain_separator = await self._ask(
            token, _NAME, _VERSION, _DECIMALS, _DOMAIN_SEPARATOR
        )
        return TokenFacts(
            name=_read(_name, name),
            version=_read(_name, version),
            decimals=_read(number, decimals),
            domain_separator=_read(_hash, domain_separator),
        )

    async def _ask(self, token: str, *questions: bytes) -> list[bytes | None]:
        return await self._multicall.read([(token, each) for each in questions], "latest")


def _read(unpack: Callable[[bytes], T], answer: bytes | None) -> T | None:
    """Unpack an answer; one that was not given or is malformed is no answer."""
    try:
        return None if answer is None else unpack(answer)
    except ValueError:
        return None


def _name(answer: bytes) -> str:
    return printable(text(answer), _NAME_CHARACTERS_MAX)


def _hash(answer: bytes) -> bytes:
    if len(answer) != 32:
        raise ValueError("not a hash")
    return answer
