"""Guessing is slowed down: every try is counted before it is made, in the database.

Counted are a name tried from one network, a name from anywhere, a network, a person's codes. A
browser that signed in to a name before has tries of its own, and so has one that is signed in:
guesses from anywhere do not keep its owner out. The rows hold hashes only, and go when their time
is over.
"""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import HttpRequest

from payments import rates
from payments.wiring.site import origin_of

CODE_TRIES: Final = 5  # of a million codes, three of which are good
NAME_FACTOR: Final = 5  # a name from anywhere, against one network: else anybody locks it out
NETWORK_FACTOR: Final = 10  # many people share a network
TOO_OFTEN: Final = "Too many tries. Wait a quarter of an hour, then try again."
TOO_MANY_ACCOUNTS: Final = (
    "Too many accounts were made from your network lately. Try again in a while."
)


def may_sign_in(request: HttpRequest, name: str, known_by: str = "") -> bool:
    """Whether this name may be tried once more; known or not, it is counted the same.

    `known_by`: the mark or the session of a browser in which its owner has been.

    A try that is refused already does not count further: one network alone would use up the tries
    that a name has from anywhere, and keep its owner out.
    """
    most, who, network = settings.SIGN_IN_TRIES, name.casefold(), origin_of(request)
    if network and not _take("network", network, most * NETWORK_FACTOR):
        return False
    if known_by and not network:  # where no network is known, "one network" is everybody
        return _take("name and browser", f"{who}\n{known_by}", most)
    return _take("name and network", f"{who}\n{network}", most) and (
        _take("name and browser", f"{who}\n{known_by}", most * NAME_FACTOR)
        if known_by
        else _take("name", who, most * NAME_FACTOR)
    )


def signed_in(request: HttpRequest, name: str, known_by: str = "") -> None:
    """The right password was given: what was counted against this name here is forgotten."""
    who = name.casefold()
    rates.forget("name and network", f"{who}\n{origin_of(request)}")
    if known_by:
        rates.forget("name and browser", f"{who}\n{known_by}")


def may_show_proof(request: HttpRequest) -> bool:
    """Whether a wallet's signature is looked at; each may cost a question to a chain."""
    network = origin_of(request)
    return not network or _take("proof", network, settings.SIGN_IN_TRIES * NETWORK_FACTOR)


def may_sign_up(request: HttpRequest) -> bool:
    """Whether one more account may be made from this network."""
    network = origin_of(request)
    return not network or _take("sign up", network, settings.SIGN_UPS_MAX)


def may_ask_for_reset(request: HttpRequest, email: str) -> bool:
    """Whether one more letter may be asked for: nobody's mailbox is flooded from here."""
    network = origin_of(request)
    return (
        not network or _take("letters", network, settings.LETTERS_MAX * NETWORK_FACTOR)
    ) and _take("letter", email.casefold(), settings.LETTERS_MAX)


def may_be_filled(request: HttpRequest) -> bool:
    """Whether one more wallet may be filled with play money from this network, or this machine."""
    return _take("demo money", origin_of(request) or "here", settings.DEMO_FILLS_MAX)


def may_report(request: HttpRequest) -> bool:
    """Whether one more report about a listing is taken from this network, or this machine."""
    return _take("report", origin_of(request) or "here", settings.REPORTS_MAX)


def may_try_code(user_pk: int) -> bool:
    """Whether one more code of this person may be tried."""
    return _take("code", str(user_pk), CODE_TRIES)


def code_was_right(user_pk: int) -> None:
    """A code was right: the wrong ones before it are forgotten."""
    rates.forget("code", str(user_pk))


def _take(kind: str, who: str, most: int) -> bool:
    return rates.take(kind, who, most, settings.SIGN_IN_SECONDS).allows
