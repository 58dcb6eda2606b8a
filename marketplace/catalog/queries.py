"""What somebody looks for in the catalog: read from a request, strictly, or refused with a word.

What was asked and is not applied here is named, never dropped silently.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from payments.x402.networks import NETWORKS, read_address
from sellers.categories import CATEGORIES
from sellers.models.listings import SLUG, SLUG_CHARACTERS_MAX
from sellers.prices import DIGITS_MAX, is_short
from sellers.terms import METHODS
from sellers.texts import clean, clean_ascii, shorten

PAIRS_MAX: Final = 50
VALUE_CHARACTERS_MAX: Final = 200
TEXT_CHARACTERS_MAX: Final = 1_000  # agents ask in sentences
CURSOR_CHARACTERS_MAX: Final = 400
ALTERNATIVES_MAX: Final = 10
LIMIT_MAX: Final = 100
LIMIT_ORDINARY: Final = 20
UNAPPLIED_MAX: Final = 20
NAME_CHARACTERS_MAX: Final = 40
PRICE_MAX: Final = Decimal(1_000_000)
SORTS: Final = ("relevance", "price", "latency", "volume", "newest")
TRUE, FALSE = ("true", "1", "yes", "on"), ("false", "0", "no", "off")

_CAIP2 = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")
# An address of another kind of chain, such as Solana's: well formed, and nothing here pays into it.
_FOREIGN_ADDRESS = re.compile(r"(?!0x|[0-9a-fA-F]+$)[0-9A-Za-z]{26,90}")
_SLUG = re.compile(SLUG)
_NUMBER = re.compile(r"[0-9]{1,9}")
_OLD_NAMES: Final = {each.v1_name: each.caip2 for each in NETWORKS.values() if each.v1_name}


class BadQuery(Exception):
    """A question that cannot be understood; the message says what to do instead."""

    def __init__(self, message: str) -> None:
        """Refuse with this sentence, which is sent to whoever asked."""
        super().__init__(message)
        self.message = message


@dataclass(frozen=True, slots=True)
class Query:
    """What is looked for; every part that is given must hold."""

    text: str = ""
    tags: tuple[str, ...] = ()  # all of them
    category: str = ""
    networks: tuple[str, ...] = ()  # one of them
    assets: tuple[str, ...] = ()  # one of them
    scheme: str = ""
    max_usd: Decimal | None = None
    pay_to: str = ""
    method: str = ""
    seller: str = ""
    url_substring: str = ""
    min_success: float | None = None  # of the last 7 days, 0 to 1
    min_calls: int = 0  # of the last 30 days
    verified: bool = False  # seen to work within a day
    sort: str = "relevance"
    limit: int = LIMIT_ORDINARY
    cursor: str = ""
    relaxed: bool = False  # any of the text's words is enough; no request says so


def parse(pairs: Iterable[tuple[str, str]]) -> tuple[Query, tuple[str, ...]]:
    """The query that these name-value pairs ask, and the names that are not known here."""
    given: dict[str, list[str]] = {}
    unapplied: dict[str, None] = {}
    for count, (name, value) in enumerate(pairs, 1):
        if count > PAIRS_MAX:
            raise BadQuery(f"send at most {PAIRS_MAX} parameters")
        known = _NAMES.get(name)
        if known is None:
            unapplied[shorten(name, NAME_CHARACTERS_MAX)] = None
            continue
        most = _CHARACTERS_MAX.get(known, VALUE_CHARACTERS_MAX)
        if len(value) > most:
            raise BadQuery(f"{name} is too long: at most {most} characters")
        if value.strip():
            given.setdefault(known, []).append(value.strip())
    read = {name: _READERS[name](_Given(name, values)) for name, values in given.items()}
    return Query(**read), tuple(unapplied)[:UNAPPLIED_MAX]


@dataclass(frozen=True, slots=True)
class _Given:
    """What was given under one name."""

    name: str
    values: list[str]

    @property
    def one(self) -> str:
        if len(set(self.values)) > 1:
            raise BadQuery(f"give {SHOWN[self.name]} once; it was given {len(self.values)} times")
        return self.values[0]

    @property
    def several(self) -> list[str]:
        found = [part.strip() for value in self.values for part in value.split(",")]
        kept = list(dict.fromkeys(part for part in found if part))
        if len(kept) > ALTERNATIVES_MAX:
            raise BadQuery(f"give at most {ALTERNATIVES_MAX} of {SHOWN[self.name]}")
        return kept


_CHARACTERS_MAX: Final = {"cursor": CURSOR_CHARACTERS_MAX, "text": TEXT_CHARACTERS_MAX}


def _text(given: _Given) -> str:
    return clean(given.one, TEXT_CHARACTERS_MAX)


def _tags(given: _Given) -> tuple[str, ...]:
    cleaned = (clean_ascii(tag, VALUE_CHARACTERS_MAX).lower() for tag in given.several)
    return tuple(tag for tag in cleaned if tag)


def _networks(given: _Given) -> tuple[str, ...]:
    found = tuple(_OLD_NAMES.get(name, name) for name in given.several)
    for name in found:
        if not _CAIP2.fullmatch(name):
            raise BadQuery("a network is written in CAIP-2, such as eip155:8453")
    return found


def _assets(given: _Given) -> tuple[str, ...]:
    return tuple(_address(each, "an asset is a token's address") for each in given.several)


def _pay_to(given: _Given) -> str:
    return _address(given.one, "payTo is a wallet's address")


def _address(text: str, what: str) -> str:
    if _FOREIGN_ADDRESS.fullmatch(text):
        return text
    spelled = read_address(text)
    if spelled is None:
        raise BadQuery(f"{what}: 0x and 40 hexadecimal digits")
    return spelled


def _word(given: _Given) -> str:
    word = given.one.lower()
    if not re.fullmatch(r"[a-z0-9-]{1,32}", word):
        raise BadQuery(f"{SHOWN[given.name]} is one word, such as exact")
    return word


def _max_usd(given: _Given) -> Decimal:
    text = given.one.removeprefix("$")
    try:
        dollars = Decimal(text)
    except InvalidOperation:
        raise BadQuery("maxPrice is an amount of dollars, such as 0.05") from None
    if not dollars.is_finite() or not 0 <= dollars <= PRICE_MAX:
        raise BadQuery(f"maxPrice is an amount of dollars between 0 and {PRICE_MAX}")
    if not is_short(dollars):
        raise BadQuery(f"write maxPrice out, with at most {DIGITS_MAX} decimals, such as 0.05")
    return dollars


def _choice(choices: Iterable[str]) -> Callable[[_Given], str]:
    spelled = {each.lower(): each for each in choices}

    def read(given: _Given) -> str:
        found = spelled.get(given.one.lower())
        if found is None:
            raise BadQuery(f"{SHOWN[given.name]} is one of {', '.join(spelled.values())}")
        return found

    return read


def _seller(given: _Given) -> str:
    if not _SLUG.fullmatch(given.one) or len(given.one) > SLUG_CHARACTERS_MAX:
        raise BadQuery("seller is the first part of a listing's path: a-z, 0-9 and hyphens")
    return given.one


def _success(given: _Given) -> float:
    try:
        share = float(given.one)
    except ValueError:
        share = -1.0
    if not 0 <= share <= 1:
        raise BadQuery("minSuccess is a share between 0 and 1, such as 0.95")
    return share


def _whole(given: _Given) -> int:
    if not _NUMBER.fullmatch(given.one):
        raise BadQuery(f"{SHOWN[given.name]} is a whole number")
    return int(given.one)


def _limit(given: _Given) -> int:
    limit = _whole(given)
    if not 1 <= limit <= LIMIT_MAX:
        raise BadQuery(f"limit is between 1 and {LIMIT_MAX}; further ones are on the next page")
    return limit


def _flag(given: _Given) -> bool:
    word = given.one.lower()
    if word not in (*TRUE, *FALSE):
        raise BadQuery(f"{SHOWN[given.name]} is true or false")
    return word in TRUE


def _as_it_is(given: _Given) -> str:
    return given.one


_READERS: Final[Mapping[str, Callable[[_Given], Any]]] = {
    "text": _text,
    "tags": _tags,
    "category": _choice(CATEGORIES),
    "networks": _networks,
    "assets": _assets,
    "scheme": _word,
    "max_usd": _max_usd,
    "pay_to": _pay_to,
    "method": _choice(METHODS),
    "seller": _seller,
    "url_substring": _text,
    "min_success": _success,
    "min_calls": _whole,
    "verified": _flag,
    "sort": _choice(SORTS),
    "limit": _limit,
    "cursor": _as_it_is,
}
# The names that are documented come first; the others are what programs for other catalogs send.
_NAMES_OF: Final[Mapping[str, tuple[str, ...]]] = {
    "text": ("q", "query", "text", "search"),
    "tags": ("tag", "tags"),
    "category": ("category",),
    "networks": ("network", "networks"),
    "assets": ("asset", "assets"),
    "scheme": ("scheme",),
    "max_usd": ("maxPrice", "maxUsdPrice", "max_usd", "max_price"),
    "pay_to": ("payTo", "pay_to"),
    "method": ("method",),
    "seller": ("seller",),
    "url_substring": ("urlSubstring", "url_substring"),
    "min_success": ("minSuccess", "min_success"),
    "min_calls": ("minCalls", "min_calls"),
    "verified": ("verified",),
    "sort": ("sort",),
    "limit": ("limit",),
    "cursor": ("cursor",),
}
# The name under which each is documented.
SHOWN: Final = {field: names[0] for field, names in _NAMES_OF.items()}
_NAMES: Final = {name: field for field, names in _NAMES_OF.items() for name in names}
