"""Names, hosts and domains that would be taken for another seller's.

The letters that look like others are a table of our own: Unicode's whole list (UTS 39) takes rare
scripts apart that no title here is written in, and the packages that carry it were last made for
Unicode of years ago. What is not in the table is still told by its alphabet: `mixed_alphabets`.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from urllib.parse import urlsplit

import idna

from sellers.models import Domain, Listing, Revision, Seller
from sellers.models.catalog import CatalogEntry

COMPARED_MAX = 5_000  # of the best by rank: those are worth looking like
LETTERS_LEAST = 4
SHOWN_MAX = 10
# How many letters may be wrong in a name of so many that is still read as the other.
_WRONG_LETTERS: Final = ((12, 2), (6, 1))
# What the eye takes for another letter: digits, and letters of other alphabets.
_SEEN_AS = str.maketrans(
    "01345789|!$@аеорсухіјѕԁɡοαερκνυιвкмнтпгԛԝһбβηχγωϲτμıɩɑʟꜱօսհոցզӏ",
    "oieasbbgiisaaeopcyxijsdgoaepkvuibkmhtnrqwhbbnxywctuiiaisouhngqi",
)
_PAIRS = (("rn", "m"), ("vv", "w"), ("l", "i"), ("cl", "d"))


@dataclass(frozen=True, slots=True)
class Likeness:
    """Something of somebody else that this would be taken for, and how."""

    path: str
    title: str
    what: str


def skeleton(name: str) -> str:
    """A name as the eye reads it at a glance: names with the same skeleton look alike."""
    plain = unicodedata.normalize("NFKD", name).casefold().translate(_SEEN_AS)
    letters = re.sub(r"[\W_]", "", "".join(c for c in plain if not unicodedata.combining(c)))
    for seen, as_ in _PAIRS:
        letters = letters.replace(seen, as_)
    return letters


def look_alike(seller: Seller, title: str) -> str | None:
    """A listing of somebody else that this title would be taken for."""
    wanted = skeleton(title)
    if len(wanted) < LETTERS_LEAST:
        return None
    others = CatalogEntry.objects.filter(sold=True).exclude(seller_slug=seller.slug)
    for path, other in others.order_by("-score").values_list("path", "title")[:COMPARED_MAX]:
        if skeleton(other) == wanted:
            return str(path)
    return None


def likenesses(listing: Listing) -> list[Likeness]:
    """Everything that a proposal's title and host, and its seller's name and domain, resemble."""
    revision = listing.proposed_revision if listing.submitted_at else listing.live_revision
    if revision is None:
        return []
    others = _others(listing.seller)
    found = [
        *_domains(listing.seller, others),
        *_names(listing.seller, revision, others),
        *_hosts(revision, others),
    ]
    return found[:SHOWN_MAX]


def mixed_alphabets(text: str) -> list[str]:
    """The alphabets of a text whose words mix them; nothing for a text that does not."""
    for word in re.findall(r"[^\W\d_]+", text):
        found = {_alphabet(letter) for letter in word} - {""}
        if len(found) > 1:
            return sorted(found)
    return []


def host_of(url: str) -> str:
    """The host of an address as people read it: internationalised names in their own letters."""
    return in_letters((urlsplit(url).hostname or "").removeprefix("www."))


def in_letters(host: str) -> str:
    """A host as whoever named it wrote it: punycode in its own alphabet."""
    try:
        return idna.decode(host)
    except idna.IDNAError:
        return host


def letters_apart(one: str, other: str, most: int) -> int:
    """How many letters are added, lost, swapped or another; above `most` it is only more."""
    if abs(len(one) - len(other)) > most or _bags_apart(one, other) > most:
        return most + 1
    before: list[int] = []
    row = list(range(len(other) + 1))
    for i, mine in enumerate(one, 1):
        older, before, row = before, row, [i]
        for j, theirs in enumerate(other, 1):
            best = min(before[j] + 1, row[-1] + 1, before[j - 1] + (mine != theirs))
            if i > 1 and j > 1 and mine == other[j - 2] and one[i - 2] == theirs:
                best = min(best, older[j - 2] + 1)
            row.append(best)
    return row[-1]


@dataclass(frozen=True, slots=True)
class _Other:
    path: str
    title: str
    seller_name: str
    seller_slug: str
    upstream_url: str
    domain: str | None
    domain_verified_at: datetime | None


def _others(seller: Seller) -> list[_Other]:
    sold = CatalogEntry.objects.filter(sold=True).exclude(seller_slug=seller.slug)
    fields = (
        "path", "title", "seller_name", "seller_slug", "revision__terms__upstream_url",
        "listing__seller__domain__name", "listing__seller__domain__verified_at",
    )  # fmt: skip
    return [_Other(*row) for row in sold.order_by("-score").values_list(*fields)[:COMPARED_MAX]]


def _domains(seller: Seller, others: list[_Other]) -> Iterator[Likeness]:
    """A domain that is only named counts as well: a look at it may prove it tomorrow."""
    row = Domain.objects.filter(pk=seller.pk).first()
    if row is None:
        return
    mine, told = in_letters(row.name), set()
    spelled = row.name if row.name == mine else f"{row.name} ({mine})"
    whose = f"its seller's domain {spelled}" + ("" if row.verified_at else ", not proven,")
    for other in others:
        # What others only name, they may have no part in.
        if other.domain is None or other.domain_verified_at is None or other.domain in told:
            continue
        told.add(other.domain)
        theirs = in_letters(other.domain)
        if theirs == mine:
            yield Likeness(other.path, theirs, f"{whose} is that of")
        elif how := _reads_like(skeleton(mine), skeleton(theirs)):
            yield Likeness(other.path, theirs, f"{whose} {how} that of")


def _names(seller: Seller, revision: Revision, others: list[_Other]) -> Iterator[Likeness]:
    title, name = skeleton(revision.terms["title"]), skeleton(seller.name)
    told = set()
    for other in others:
        if how := _reads_like(title, skeleton(other.title)):
            yield Likeness(other.path, other.title, f"its title {how} that of")
        if other.seller_slug in told:
            continue
        told.add(other.seller_slug)
        if how := _reads_like(name, skeleton(other.seller_name)):
            yield Likeness(other.path, other.seller_name, f"its seller's name {how} that of")


def _hosts(revision: Revision, others: list[_Other]) -> Iterator[Likeness]:
    mine, told = host_of(revision.terms["upstream_url"]), set()
    for other in others:
        theirs = host_of(other.upstream_url)
        if theirs in told:
            continue
        told.add(theirs)
        if theirs == mine:
            yield Likeness(other.path, theirs, "it calls the same host as")
        elif how := _reads_like(skeleton(mine), skeleton(theirs)):
            yield Likeness(other.path, theirs, f"its host {how} that of")


def _reads_like(one: str, other: str) -> str:
    """In words how alike two skeletons are; nothing when they are not."""
    if min(len(one), len(other)) < LETTERS_LEAST:
        return ""
    if one == other:
        return "reads the same as"
    shorter = min(len(one), len(other))
    most = next((wrong for letters, wrong in _WRONG_LETTERS if shorter >= letters), 0)
    if not most or (apart := letters_apart(one, other, most)) > most:
        return ""
    return f"is {apart} letter{'s' if apart > 1 else ''} away from"


def _bags_apart(one: str, other: str) -> int:
    """A quick lower bound: letters that one has and the other has not."""
    mine, theirs = Counter(one), Counter(other)
    return max((mine - theirs).total(), (theirs - mine).total())


def _alphabet(letter: str) -> str:
    """LATIN, CYRILLIC, GREEK…: the first word of a letter's name."""
    return unicodedata.name(letter, "").partition(" ")[0]
