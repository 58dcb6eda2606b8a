"""Contract calls and events in the chain's own bytes, for the few shapes we use.

Every argument here is one 32-byte word, packed by hand: eth-abi takes some 30 µs for a transfer
that concatenation writes in 3 µs, and this runs for every payment.
"""

from __future__ import annotations

from payments.x402.crypto import keccak256
from payments.x402.networks import address_bytes


def selector(function: str) -> bytes:
    """Return the four bytes that name a function, from its signature."""
    return keccak256(function.encode())[:4]


def topic(event: str) -> bytes:
    """Return the 32 bytes that name an event, from its signature."""
    return keccak256(event.encode())


def address_word(address: str) -> bytes:
    """Write an address as a word."""
    return bytes(12) + address_bytes(address)


def number_word(number: int) -> bytes:
    """Write a whole number as a word."""
    return number.to_bytes(32, "big")


def bytes_argument(content: bytes, words_before: int) -> bytes:
    """Write bytes of any length as a call's last argument: their place, length and content."""
    place = 32 * (words_before + 1)
    return number_word(place) + number_word(len(content)) + content + bytes(-len(content) % 32)
