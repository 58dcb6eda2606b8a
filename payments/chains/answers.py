"""What a node's JSON means: every value is checked for type and size before it counts.

A question carries the reader of its own answer, so that an endpoint which answers garbage is
passed over like one that does not answer at all.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from payments.chains import Block, FoundLog, TransactionReceipt
from payments.x402.types import LogEntry

T_co = TypeVar("T_co", covariant=True)

# Quantities are at most 256 bits: 64 digits. int() alone would take "0x_1" and " 0x1".
_QUANTITY = re.compile(r"0x[0-9a-fA-F]{1,64}")
_HASH_BYTES = 32
_ADDRESS_BYTES = 20


class Garbage(Exception):
    """A node's answer is not what the question asks for."""


@dataclass(frozen=True, slots=True)
class Question(Generic[T_co]):
    """One JSON-RPC call and the reader of its answer."""

    method: str
    params: tuple[object, ...]
    read: Callable[[object], T_co]


def quantity(value: object) -> int:
    """Read a number."""
    if not isinstance(value, str) or not _QUANTITY.fullmatch(value):
        raise Garbage("not a quantity")
    return int(value, 16)


def data(value: object) -> bytes:
    """Read bytes of any length."""
    if not isinstance(value, str) or not value.startswith("0x"):
        raise Garbage("not hex data")
    try:
        found = bytes.fromhex(value[2:])
    except ValueError:
        raise Garbage("not hex data") from None
    # fromhex() skips blanks, so the length is compared too.
    if len(found) * 2 != len(value) - 2:
        raise Garbage("not hex data")
    return found


def hash32(value: object) -> bytes:
    """Read a hash."""
    found = data(value)
    if len(found) != _HASH_BYTES:
        raise Garbage("not a hash")
    return found


def block(value: object) -> Block:
    """Read a block's header."""
    fields = _fields(value)
    return Block(
        number=quantity(fields.get("number")),
        hash=hash32(fields.get("hash")),
        timestamp=quantity(fields.get("timestamp")),
        # Chains without EIP-1559 have no base fee.
        base_fee_wei=quantity(fields.get("baseFeePerGas", "0x0")),
    )


def block_or_none(value: object) -> Block | None:
    """Read a block that the node may not have."""
    return None if value is None else block(value)


def receipt(value: object) -> TransactionReceipt | None:
    """Read a receipt; None for a transaction that is not mined."""
    if value is None:
        return None
    fields = _fields(value)
    l1_fee = fields.get("l1Fee")  # of OP-stack chains only, and not of each transaction there
    return TransactionReceipt(
        transaction=hash32(fields.get("transactionHash")),
        status=quantity(fields.get("status")),
        block_number=quantity(fields.get("blockNumber")),
        block_hash=hash32(fields.get("blockHash")),
        logs=tuple(_entry(_fields(each)) for each in _items(fields.get("logs"))),
        gas_used=quantity(fields.get("gasUsed")),
        effective_gas_price_wei=quantity(fields.get("effectiveGasPrice")),
        l1_fee_wei=0 if l1_fee is None else quantity(l1_fee),
    )


def found_logs(value: object) -> list[FoundLog]:
    """Read the events of a search."""
    return [_found_log(_fields(each)) for each in _items(value)]


def known(value: object) -> bool:
    """Read whether the node has the thing asked for."""
    return value is not None and bool(_fields(value))


def printable(text: str, characters_max: int) -> str:
    """Make foreign text fit to be shown: one line, bounded, no control characters."""
    return "".join(each if each.isprintable() else " " for each in text[:characters_max]).strip()


def _found_log(fields: Mapping[str, object]) -> FoundLog:
    return FoundLog(
        entry=_entry(fields),
        transaction=hash32(fields.get("transactionHash")),
        block_number=quantity(fields.get("blockNumber")),
        block_hash=hash32(fields.get("blockHash")),
    )


def _entry(fields: Mapping[str, object]) -> LogEntry:
    if fields.get("removed"):
        raise Garbage("a removed log")
    return LogEntry(
        address=_address(fields.get("address")),
        topics=tuple(hash32(topic) for topic in _items(fields.get("topics"))),
        data=data(fields.get("data")),
        index=quantity(fields.get("logIndex")),
    )


def _address(value: object) -> str:
    found = data(value)
    if len(found) != _ADDRESS_BYTES:
        raise Garbage("not an address")
    return f"0x{found.hex()}"


def _fields(value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise Garbage("not an object")
    return value


def _items(value: object) -> list[object]:
    if not isinstance(value, list):
        raise Garbage("not a list")
    return value
