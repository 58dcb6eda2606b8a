"""Names of domains as sellers type them: one plain spelling, or a word on what is wrong.

What is kept and shown to buyers is what name servers have, letters of other alphabets as
punycode: so a name that is written with look-alikes never looks like the other one.
"""

from __future__ import annotations

import re
from typing import Final

import idna

from sellers.profile.look_alikes import in_letters, mixed_alphabets
from sellers.refusals import ListingRefused, bad
from sellers.texts import is_plain

FIELD: Final = "domain"
NAME_CHARACTERS_MAX: Final = 253
_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
# No number ends a name, in whichever spelling: an address would.
_LAST_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9]")
_OF_AN_ADDRESS = frozenset(":/@?#[]\\%")
# Alphabets whose letters are taken for each other's.
_ALIKE = frozenset({"LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE"})


def domain_name(text: str) -> str:
    """A domain as it is kept, or a refusal that says how to write it."""
    typed = text.strip()
    if not typed or len(typed) > NAME_CHARACTERS_MAX:
        raise bad(FIELD, f"a name such as example.com, up to {NAME_CHARACTERS_MAX} characters")
    if set(typed) & _OF_AN_ADDRESS:
        raise bad(FIELD, "the name alone, such as example.com: no https://, port, path or user")
    if not is_plain(typed) or typed.split() != [typed]:
        raise bad(FIELD, "a name such as example.com, without spaces and hidden characters")
    name = _in_ascii(typed).removesuffix(".")
    labels = name.split(".")
    if len(labels) < 2:
        raise bad(FIELD, "a full name, such as example.com")
    if not _LAST_LABEL.fullmatch(labels[-1]):
        raise bad(FIELD, "a name that ends as example.com does; no IP address")
    if len(name) > NAME_CHARACTERS_MAX or not all(map(_LABEL.fullmatch, labels)):
        raise _not_a_name()
    _refuse_mixed(name)
    return name


def _in_ascii(typed: str) -> str:
    try:
        return idna.encode(typed, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError):
        raise _not_a_name() from None


def _refuse_mixed(name: str) -> None:
    for label in in_letters(name).split("."):
        mixed = _ALIKE.intersection(mixed_alphabets("".join(filter(str.isalpha, label))))
        if len(mixed) > 1:
            spelled = " and ".join(each.capitalize() for each in sorted(mixed))
            raise bad(FIELD, f"letters of one alphabet; “{label}” mixes {spelled}")


def _not_a_name() -> ListingRefused:
    return bad(FIELD, "a name that can be registered: letters, digits and - between its dots")
