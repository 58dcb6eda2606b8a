"""What Souk asks of a chain: simulate, send, find, and tell the blocks.

A chain has never heard of x402: it moves the calls and finds the events that a scheme names.
A new family of chains is one more file beside evm.py that keeps this protocol.
"""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Literal, Protocol

from payments.x402.types import Call, LogEntry

__all__ = [
    "Block",
    "BlockTag",
    "Call",
    "Chain",
    "ChainUnavailable",
    "Fees",
    "FoundLog",
    "LogEntry",
    "RpcError",
    "SendAnswer",
    "SendOutcome",
    "Simulation",
    "TokenFacts",
    "Topic",
    "TransactionReceipt",
]

BlockTag = Literal["latest", "safe", "finalized"]
Topic = bytes | Sequence[bytes] | None


class ChainUnavailable(Exception):
    """Nobody could say: a timeout, a lost connection, garbage, or two endpoints that disagree.

    Never evidence about money: the question stays open and is asked again later.
    """


class RpcError(Exception):
    """The node understood the question and answered with an error.

    `data` is what a reverted call returned, where the node tells it.
    """

    def __init__(self, code: int, message: str, data: bytes | None = None) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.message = message
        self.data = data


@dataclass(frozen=True, slots=True)
class Block:
    """One block's header, as far as money cares."""

    number: int
    hash: bytes
    timestamp: int
    base_fee_wei: int


@dataclass(frozen=True, slots=True)
class TransactionReceipt:
    """What became of a mined transaction. Counts only while its block is canonical."""

    transaction: bytes
    status: int
    block_number: int
    block_hash: bytes
    logs: tuple[LogEntry, ...]
    gas_used: int
    effective_gas_price_wei: int
    l1_fee_wei: int = 0  # what an OP-stack chain takes besides, to publish it on Ethereum

    @property
    def cost_wei(self) -> int:
        """What its sender paid for it."""
        return self.gas_used * self.effective_gas_price_wei + self.l1_fee_wei

    @property
    def outcome(self) -> object:
        """What it proves; nodes may differ in the rest, such as how they count logs."""
        events = [(log.address, log.topics, log.data) for log in self.logs]
        return self.transaction, self.status, self.block_hash, events


@dataclass(frozen=True, slots=True)
class FoundLog:
    """An event found by a search, with the transaction and block that hold it."""

    entry: LogEntry
    transaction: bytes
    block_number: int
    block_hash: bytes


@dataclass(frozen=True, slots=True)
class Simulation:
    """Whether the payment would go through now, and the chain's words if not."""

    passed: bool
    revert: str
    payer_has_code: bool


class SendOutcome(Enum):
    """What a node said to our bytes. None of these says whether the transaction was mined."""

    ACCEPTED = "accepted"
    ALREADY_KNOWN = "already_known"
    NONCE_TOO_LOW = "nonce_too_low"
    UNDERPRICED = "underpriced"
    INSUFFICIENT_GAS_MONEY = "insufficient_gas_money"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class SendAnswer:
    """A node's answer to a sent transaction, with its own words when it did not accept."""

    outcome: SendOutcome
    message: str


@dataclass(frozen=True, slots=True)
class Fees:
    """What to bid for the next block, never above the caller's cap.

    `base_fee_wei` may itself be above `max_fee_wei`: then the chain is dearer than the cap.
    """

    max_fee_wei: int
    priority_fee_wei: int
    base_fee_wei: int


@dataclass(frozen=True, slots=True)
class TokenFacts:
    """A token's own account of itself; None where the contract does not answer."""

    name: str | None
    version: str | None
    decimals: int | None
    domain_separator: bytes | None


class Chain(Protocol):
    """One chain, asked through one or more nodes. Every method may raise ChainUnavailable."""

    network: str
    chain_id: int

    async def close(self) -> None:
        """Let go of every connection."""

    async def head(self) -> Block:
        """Return the newest block; it may be older than one seen before, without a reorg."""

    async def block(self, which: int | BlockTag) -> Block | None:
        """Return the block of a height or tag, or None when the node has none there yet."""

    async def is_canonical(self, number: int, block_hash: bytes) -> bool:
        """Say whether the chain's block at this height is this one."""

    async def simulate(self, call: Call, payer: str, *, afresh: bool = False) -> Simulation:
        """Try the call on the newest state: balance, nonce and signature in one answer.

        Whether the payer has code is asked `afresh`, or may be remembered for a moment.
        """

    async def has_code(self, address: str) -> bool:
        """Say whether a contract (or a delegated account) answers for it, or did a moment ago."""

    async def authorization_states(
        self, token: str, authorizations: Sequence[tuple[str, bytes]], block: int | BlockTag
    ) -> list[bool]:
        """Say for many (payer, nonce) whether the token has seen them used or cancelled."""

    async def token_balances(self, token: str, owners: Sequence[str]) -> list[int]:
        """Say how much of a token each of these has on the newest state."""

    async def send(self, raw: bytes) -> SendAnswer:
        """Hand a signed transaction to a node; the same bytes may be sent again at any time."""

    async def knows(self, transaction: bytes) -> bool:
        """Say whether a node has this transaction, mined or waiting."""

    async def receipts(self, transactions: Sequence[bytes]) -> list[TransactionReceipt | None]:
        """Return the receipts of mined transactions, None for the others."""

    async def has_any(self, transactions: Sequence[bytes]) -> bool:
        """Say whether any endpoint has a receipt of one of these."""

    async def agreed_receipt(self, transaction: bytes) -> TransactionReceipt | None:
        """Return a receipt on which two configured endpoints agree, and no other differs."""

    async def agreed_unused(self, token: str, payer: str, nonce: bytes, final: Block) -> bool:
        """Say whether two endpoints hold this block and an unused nonce, and no other differs."""

    async def logs(
        self, address: str, topics: Sequence[Topic], from_block: int, to_block: int
    ) -> list[FoundLog]:
        """Find a contract's events in a range of blocks the node has reached."""

    async def fees(self, *, cap_wei: int) -> Fees:
        """Say what to bid for a place in the next block."""

    async def nonce(self, address: str, tag: Literal["latest", "pending"]) -> int:
        """Return how many transactions an account has sent."""

    async def balance(self, address: str) -> int:
        """Return an account's gas money in wei."""

    async def call(self, to: str, data: bytes, block: int | BlockTag = "latest") -> bytes:
        """Read from a contract; a revert is an RpcError."""

    async def read_in_turn(self, calls: Sequence[tuple[str, bytes]]) -> list[bytes | None]:
        """Read from contracts one after the other, on one state that is thrown away after it."""

    async def token_facts(self, token: str) -> TokenFacts:
        """Read what a token says about itself, for the doctor."""

    def heads(self) -> AsyncGenerator[Block, None]:
        """Tell each new head as it comes; outlives outages in silence."""
