"""Why a call was not charged, and whose fault that is: whoever counts failures asks here."""

from __future__ import annotations

from enum import Enum, StrEnum
from typing import Final


class Fault(Enum):
    """Where it lies that a buyer got nothing to pay for."""

    SELLER = "seller"
    BUYER = "buyer"
    OURS = "ours"  # tells nothing of the seller, neither good nor bad


class NotCharged(StrEnum):
    """The reason after `X-Payment-Charged: no; reason=`; the words do not change."""

    fault: Fault

    def __new__(cls, word: str, fault: Fault) -> NotCharged:
        reason = str.__new__(cls, word)
        reason._value_, reason.fault = word, fault
        return reason

    UNREACHABLE = "unreachable", Fault.SELLER
    TIMEOUT = "timeout", Fault.SELLER
    CUT = "cut", Fault.SELLER
    TOO_LARGE = "too_large", Fault.SELLER
    BAD_HTTP = "bad_http", Fault.SELLER
    REDIRECT = "redirect", Fault.SELLER
    WANTS_PAYMENT = "upstream_wants_payment", Fault.SELLER
    REJECTED = "upstream_rejected", Fault.BUYER
    ERROR = "upstream_error", Fault.SELLER
    PARTIAL = "partial", Fault.SELLER
    EMPTY = "empty", Fault.SELLER
    UNREADABLE = "unreadable", Fault.SELLER
    MISSING_KEYS = "missing_keys", Fault.SELLER
    BUSY = "busy", Fault.OURS


SELLERS_FAULTS: Final = frozenset(
    each.value for each in NotCharged if each.fault is Fault.SELLER
)  # as they are stored
