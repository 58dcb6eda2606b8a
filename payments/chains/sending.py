"""Handing signed bytes to a node, and what its refusals mean."""

from eth_hash.auto import keccak

from payments.chains import RpcError, SendAnswer, SendOutcome
from payments.chains.answers import Garbage, Question, hash32
from payments.chains.endpoints import Endpoints

# Nodes share no error codes here, only words: geth, erigon, reth, nethermind, besu, anvil.
_WORDS = (
    (SendOutcome.ALREADY_KNOWN, ("already known", "alreadyknown", "known transaction")),
    (SendOutcome.ALREADY_KNOWN, ("already imported", "existing tx with same hash")),
    (SendOutcome.NONCE_TOO_LOW, ("nonce too low", "nonce is too low", "oldnonce")),
    (SendOutcome.UNDERPRICED, ("underpriced", "could not replace existing", "feetoolow")),
    (SendOutcome.UNDERPRICED, ("replacementnotallowed", "less than block base fee")),
    (SendOutcome.UNDERPRICED, ("gas price too low", "max fee per gas less than")),
    (SendOutcome.INSUFFICIENT_GAS_MONEY, ("insufficient funds", "insufficientfunds")),
    (SendOutcome.INSUFFICIENT_GAS_MONEY, ("upfront cost exceeds",)),
)


async def send(endpoints: Endpoints, raw: bytes) -> SendAnswer:
    """Send the bytes; ChainUnavailable means that nobody knows whether they arrived."""
    (answer,) = await endpoints.ask([_question(raw)])
    if isinstance(answer, RpcError):
        return SendAnswer(_outcome(answer.message), answer.message)
    return SendAnswer(SendOutcome.ACCEPTED, "")


def _question(raw: bytes) -> Question[bytes]:
    expected = keccak(raw)

    def read(value: object) -> bytes:
        found = hash32(value)
        if found != expected:
            raise Garbage("the hash of another transaction")
        return found

    return Question("eth_sendRawTransaction", (f"0x{raw.hex()}",), read)


def _outcome(message: str) -> SendOutcome:
    said = message.lower()
    for outcome, words in _WORDS:
        if any(each in said for each in words):
            return outcome
    return SendOutcome.REFUSED
