"""Handing signed bytes to a node, and what its refusals mean."""

from eth_hash.auto import keccak

from payments.chains import ChainUnavailable, RpcError, SendAnswer, SendOutcome
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
_FOR_OTHERS = {SendOutcome.REFUSED, SendOutcome.UNDERPRICED}
_ARRIVED = {SendOutcome.ACCEPTED, SendOutcome.ALREADY_KNOWN}


async def send(endpoints: Endpoints, raw: bytes) -> SendAnswer:
    """Send the bytes; ChainUnavailable means that nobody knows whether they arrived.

    A node may serve reads well and take no transactions, or not at this price: what the first one
    refuses, all the others are offered. The same bytes are one transaction, wherever they arrive.
    """
    question = _question(raw)
    (said,) = await endpoints.ask([question])
    answer = _read(said)
    if answer.outcome not in _FOR_OTHERS or not endpoints.are_several:
        return answer
    elsewhere = map(_read, await endpoints.every(question))
    return next((each for each in elsewhere if each.outcome in _ARRIVED), answer)


def _read(said: bytes | RpcError | ChainUnavailable) -> SendAnswer:
    if isinstance(said, bytes):
        return SendAnswer(SendOutcome.ACCEPTED, "")
    message = said.message if isinstance(said, RpcError) else str(said)
    return SendAnswer(_outcome(message), message)


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
