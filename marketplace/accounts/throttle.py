"""Guessing is slowed down: every try is counted before it is made, in the database.

Counted are a name tried from one network, a name from anywhere, a network, a person's codes. The
rows hold hashes only, and go when their time is over.
"""

from __future__ import annotations

import hashlib
import hmac
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Final

from django.conf import settings
from django.db import connection
from django.http import HttpRequest

from marketplace.accounts.models import Tries

CODE_TRIES: Final = 5  # of a million codes, three of which are good
NAME_FACTOR: Final = 5  # a name from anywhere, against one network: else anybody locks it out
NETWORK_FACTOR: Final = 10  # many people share a network
TOO_OFTEN: Final = "Too many tries. Wait a quarter of an hour, then try again."

# One statement, so that many guesses at once are counted one by one.
_TAKE = """
    insert into accounts_tries as t (key, count, until)
    values (%s, 1, clock_timestamp() + make_interval(secs => %s))
    on conflict (key) do update set
        count = case when t.until < clock_timestamp() then 1 else t.count + 1 end,
        until = case when t.until < clock_timestamp() then excluded.until else t.until end
    returning count
"""


def may_sign_in(request: HttpRequest, name: str) -> bool:
    """Whether this name may be tried once more; known or not, it is counted the same."""
    most, who, network = settings.SIGN_IN_TRIES, name.casefold(), network_of(request)
    verdicts = [
        _take("name and network", f"{who}\n{network}", most),
        _take("name", who, most * NAME_FACTOR),
        not network or _take("network", network, most * NETWORK_FACTOR),
    ]
    return all(verdicts)


def signed_in(request: HttpRequest, name: str) -> None:
    """The right password was given: what was counted against this name here is forgotten."""
    _forget("name and network", f"{name.casefold()}\n{network_of(request)}")


def may_show_proof(request: HttpRequest) -> bool:
    """Whether a wallet's signature is looked at; each may cost a question to a chain."""
    network = network_of(request)
    return not network or _take("proof", network, settings.SIGN_IN_TRIES * NETWORK_FACTOR)


def may_sign_up(request: HttpRequest) -> bool:
    """Whether one more account may be made from this network."""
    network = network_of(request)
    return not network or _take("sign up", network, settings.SIGN_UPS_MAX)


def may_ask_for_reset(request: HttpRequest, email: str) -> bool:
    """Whether one more letter may be asked for: nobody's mailbox is flooded from here."""
    network = network_of(request)
    verdicts = [
        _take("letter", email.casefold(), settings.LETTERS_MAX),
        not network or _take("letters", network, settings.LETTERS_MAX * NETWORK_FACTOR),
    ]
    return all(verdicts)


def may_try_code(user_pk: int) -> bool:
    """Whether one more code of this person may be tried."""
    return _take("code", str(user_pk), CODE_TRIES)


def code_was_right(user_pk: int) -> None:
    """A code was right: the wrong ones before it are forgotten."""
    _forget("code", str(user_pk))


def network_of(request: HttpRequest) -> str:
    """Where a request comes from, cut to the network; nothing where that cannot be known.

    Behind a proxy it is the proxy that says, in the last entries of X-Forwarded-For: what a
    client itself writes there stands further left.
    """
    claimed, hops = request.META.get("REMOTE_ADDR", ""), settings.PROXY_HOPS
    if hops:
        said = request.headers.get("X-Forwarded-For", "").split(",")
        claimed = said[-hops].strip() if len(said) >= hops else ""
    try:
        address = ip_address(claimed)
    except ValueError:
        return ""
    if isinstance(address, IPv6Address) and address.ipv4_mapped:
        address = address.ipv4_mapped
    if address.is_loopback or (address.is_private and not hops):
        return ""  # it is our own proxy
    return str(ip_network((address, 24 if address.version == 4 else 48), strict=False))


def _take(kind: str, who: str, most: int) -> bool:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE, (_key(kind, who), settings.SIGN_IN_SECONDS))
        (count,) = cursor.fetchone()
    return bool(count <= most)


def _forget(kind: str, who: str) -> None:
    Tries.objects.filter(key=_key(kind, who)).delete()


def _key(kind: str, who: str) -> bytes:
    said = f"souk tries\n{kind}\n{who}".encode(errors="replace")
    return hmac.digest(settings.SECRET_KEY.encode(), said, hashlib.sha256)
