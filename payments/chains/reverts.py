"""How a node says that a call failed in the chain's own execution, and what the call said."""

from payments.chains import RpcError
from payments.chains.abi import number, selector, text
from payments.chains.answers import printable

WORDS_CHARACTERS_MAX = 200
_ERROR_STRING = selector("Error(string)")
_PANIC = selector("Panic(uint256)")

# Nodes agree on the words for a failed execution, not on the codes: 3 (geth, erigon, reth),
# -32000 (geth, nethermind), -32003 and -32015 (nethermind), -32603 (anvil).
_EXECUTION_CODES = (3, -32015)
_EXECUTION_WORDS = (
    "execution revert",
    "evm error",
    "out of gas",
    "intrinsic gas too low",
    "invalid opcode",
    "invalid jump",
    "stack underflow",
    "stack limit",
    "write protection",
)


def is_execution_failure(error: RpcError) -> bool:
    """Say whether the call itself failed; anything else leaves the question open."""
    words = error.message.lower()
    return error.code in _EXECUTION_CODES or any(each in words for each in _EXECUTION_WORDS)


def words_of(error: RpcError) -> str:
    """Tell what a failed call said, fit to be shown: its text, its panic, its error's selector."""
    said = _reverted(error.data or b"")
    if not said and "revert" not in error.message.lower():
        said = error.message
    return printable(said, WORDS_CHARACTERS_MAX)


def _reverted(returned: bytes) -> str:
    if not returned:
        return ""
    selector, rest = returned[:4], returned[4:]
    try:
        if selector == _ERROR_STRING:
            return text(rest)
        if selector == _PANIC:
            return f"panic 0x{number(rest):02x}"
    except ValueError:
        pass
    return f"0x{selector.hex()}"
