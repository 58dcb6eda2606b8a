"""Strict readers for what a stranger wrote: each returns one plain value or refuses.

The official decoders are laxer (integers as JSON numbers, "007", " 7", "1_000", hexadecimal
without 0x); one authorization must have one reading here, because it becomes a row, a digest
and calldata.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from payments.x402.networks import address_bytes, checksum
from payments.x402.reasons import Malformed, Reason

_DECIMAL = re.compile(r"0|[1-9][0-9]{0,77}")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]*")
_UINT256_END = 1 << 256


def object_of(holder: Mapping[str, object], key: str) -> Mapping[str, object]:
    """Read a part that must be a JSON object."""
    value = holder.get(key)
    if not isinstance(value, dict):
        raise Malformed(Reason.MALFORMED_PAYLOAD, f"{key} must be an object")
    return value


def text_of(holder: Mapping[str, object], key: str) -> str:
    """Read a part that must be text."""
    value = holder.get(key)
    if not isinstance(value, str):
        raise Malformed(Reason.MALFORMED_PAYLOAD, f"{key} must be a string")
    return value


def uint256_of(holder: Mapping[str, object], key: str) -> int:
    """Read a whole number as the wire writes them: decimal digits in a string, no spare zero."""
    text = text_of(holder, key)
    number = int(text) if _DECIMAL.fullmatch(text) else _UINT256_END
    if number >= _UINT256_END:
        raise Malformed(
            Reason.MALFORMED_PAYLOAD, f"{key} must be a decimal string from 0 to 2^256 - 1"
        )
    return number


def address_of(holder: Mapping[str, object], key: str) -> str:
    """Read an address, in whatever mixture of cases, and return it as wallets show it."""
    try:
        return checksum(address_bytes(text_of(holder, key)))
    except ValueError:
        raise Malformed(Reason.MALFORMED_PAYLOAD, f"{key} must be an address") from None


def bytes_of(holder: Mapping[str, object], key: str, least: int, most: int) -> bytes:
    """Read bytes written in hexadecimal, so many at least and at most."""
    text = text_of(holder, key)
    count, odd = divmod(len(text) - 2, 2)
    if odd or not least <= count <= most or not _HEXADECIMAL.fullmatch(text):
        raise Malformed(
            Reason.MALFORMED_PAYLOAD, f"{key} must be 0x and {least} to {most} bytes in hexadecimal"
        )
    return bytes.fromhex(text[2:])
