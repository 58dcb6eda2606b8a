"""Who a seller says they are: the words, picture and addresses that buyers and agents read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import urlsplit

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from sellers.drafts import LOGO
from sellers.models import Seller
from sellers.models.listings import ABOUT_CHARACTERS_MAX
from sellers.on_sale import shelving
from sellers.profile.directory import NAME_CHARACTERS_MAX
from sellers.profile.logos import refuse_others
from sellers.refusals import bad
from sellers.texts import clean

NAME_CHARACTERS_LEAST = 4
ABOUT_CHARACTERS_LEAST = 50  # what registries of agents take as a description
LINK_CHARACTERS_MAX = 200
_GENERIC = frozenset(
    {"agent", "ai agent", "api", "bot", "demo", "my agent", "seller", "service", "test", "unnamed"}
)
_HOST = re.compile(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+")
_SENTENCE_END = re.compile(r"[.!?。！？](\s|$)")


@dataclass(frozen=True, slots=True)
class Profile:
    """What a seller says of themselves, as it was typed."""

    name: str
    about: str = ""
    website: str = ""
    contact: str = ""
    logo: str = ""


@dataclass(frozen=True, slots=True)
class Point:
    """One thing that graders of agents look for, and whether it is there."""

    says: str
    there: bool
    fix: str


def profile_of(seller: Seller) -> Profile:
    """What a seller says of themselves now."""
    return Profile(seller.name, seller.about, seller.website, seller.contact, seller.logo)


@transaction.atomic
def write(seller: Seller, typed: Profile) -> Seller:
    """Let a seller say who they are; everybody who reads their listings is told to look again."""
    said = cleaned(typed)
    if not said.name:
        raise bad("name", "a name that can be read: buyers see it beside every listing")
    kept = Seller.objects.select_for_update().get(pk=seller.pk)
    if said == profile_of(kept):
        return kept
    refuse_others(kept, said.logo)
    kept.name, kept.about, kept.website = said.name, said.about, said.website
    kept.contact, kept.logo = said.contact, said.logo
    kept.save(update_fields=["name", "about", "website", "contact", "logo"])
    shelving.retell(kept)
    return kept


def cleaned(typed: Profile) -> Profile:
    """The same made harmless, or a refusal that names the field."""
    return Profile(
        name=clean(typed.name, NAME_CHARACTERS_MAX),
        about=clean(typed.about, ABOUT_CHARACTERS_MAX),
        website=_website(typed.website),
        contact=_contact(typed.contact),
        logo=_logo(typed.logo),
    )


def points(said: Profile, *, sells: bool) -> tuple[Point, ...]:
    """What graders of agents (The Spawn, 8004scan) give points for, as far as a seller decides."""
    return tuple(_points(said, sells=sells))


def _points(said: Profile, *, sells: bool) -> Iterator[Point]:
    name, about = clean(said.name, NAME_CHARACTERS_MAX), clean(said.about, ABOUT_CHARACTERS_MAX)
    own = len(name) >= NAME_CHARACTERS_LEAST and name.lower() not in _GENERIC
    yield Point(
        "A name of your own",
        own,
        f"{NAME_CHARACTERS_LEAST} characters or more, and no general word",
    )
    yield Point(
        "A description", len(about) >= ABOUT_CHARACTERS_LEAST,
        f"{ABOUT_CHARACTERS_LEAST} characters or more: what your services are good for",
    )  # fmt: skip
    sentences = len(_SENTENCE_END.findall(about))
    yield Point("More than one sentence", sentences > 1, "say it in two sentences or more")
    yield Point(
        "A long description", len(about) >= ABOUT_CHARACTERS_MAX * 0.9,
        f"full points at {ABOUT_CHARACTERS_MAX} characters; you have {len(about)}",
    )  # fmt: skip
    yield Point("A picture", bool(said.logo), "a square logo")
    yield Point("A way to reach you", bool(said.contact.strip()), "an e-mail address or a page")
    yield Point(
        "Something for sale", sells, "a live listing: a claim to take x402 is checked by asking"
    )


def _website(text: str) -> str:
    text = text.strip()
    return _link(text, "website") if text else ""


def _contact(text: str) -> str:
    """An e-mail address or a page."""
    text = text.strip().removeprefix("mailto:")
    if not text or text.startswith("https://"):
        return _link(text, "contact") if text else ""
    try:
        validate_email(text)
    except ValidationError:
        raise bad("contact", "an e-mail address, or a page that starts with https://") from None
    if len(text) > LINK_CHARACTERS_MAX or not text.isascii() or not _is_bare(text):
        raise bad("contact", "an ordinary e-mail address, such as you@example.com")
    return text


def _link(text: str, field: str) -> str:
    """A page on the open web, in one plain spelling; nothing that a browser would run."""
    fits = len(text) <= LINK_CHARACTERS_MAX and text.isascii() and _is_bare(text)
    try:
        parts = urlsplit(text)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        parts, host = urlsplit(""), ""
    named = _HOST.fullmatch(host) and not host.rpartition(".")[2].isdigit()
    if not fits or parts.scheme != "https" or not named or "@" in parts.netloc:
        raise bad(
            field, f"a page such as https://example.com, up to {LINK_CHARACTERS_MAX} characters"
        )
    return text


def _is_bare(text: str) -> bool:
    return text.isprintable() and not set(text) & set(" <>\"'`\\{}|^")


def _logo(name: str) -> str:
    if name and not LOGO.fullmatch(name):
        raise bad("logo", "the hash of a picture: 64 hexadecimal digits")
    return name
