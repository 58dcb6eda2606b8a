"""Why something a seller or a moderator asked for was not done."""

from __future__ import annotations

from enum import StrEnum


class Why(StrEnum):
    BAD_FIELD = "bad_field"
    SLUG_TAKEN = "slug_taken"
    SELLS_ALREADY = "sells_already"
    NO_SUCH_LISTING = "no_such_listing"
    UNCHANGED = "unchanged"
    NOTHING_PROPOSED = "nothing_proposed"
    NOT_SUBMITTED = "not_submitted"
    CHANGED_MEANWHILE = "changed_meanwhile"
    WRONG_STATE = "wrong_state"
    TOO_MANY = "too_many"
    TOO_OFTEN = "too_often"
    KEY_REUSED = "key_reused"
    PAYOUT_UNPROVEN = "payout_unproven"
    PAYOUT_FRESH = "payout_fresh"
    TERMS_CHANGED = "terms_changed"
    OWN = "own"
    MAY_NOT = "may_not"
    HELD = "held"
    TOO_LATE = "too_late"
    SAID_ALREADY = "said_already"


class ListingRefused(Exception):
    """Not done, and why: `field` names what to change, where there is one."""

    def __init__(self, why: Why, message: str, field: str = "") -> None:
        super().__init__(f"{field}: {message}" if field else message)
        self.why = why
        self.message = message
        self.field = field


class TooOften(ListingRefused):
    """Not now: it may be asked for again after so many seconds."""

    def __init__(self, message: str, retry_seconds: int) -> None:
        super().__init__(Why.TOO_OFTEN, message)
        self.retry_seconds = retry_seconds


def bad(field: str, message: str) -> ListingRefused:
    return ListingRefused(Why.BAD_FIELD, message, field)
