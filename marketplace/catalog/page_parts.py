"""The parts of a listing's page, as its bar names them: what is not there is not named."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Part:
    """One part: where it begins, and what it is called."""

    anchor: str
    label: str


SCHEMA: Final = "schema"
# In the order in which they stand on the page; links from elsewhere lead to these anchors.
_PARTS: Final = (
    Part("pay", "Try it"),
    Part("sample", "Sample"),
    Part("code", "Code"),
    Part("docs", "Docs"),
    Part(SCHEMA, "Schema"),
    Part("stats", "Stats"),
    Part("quote", "Quote"),
    Part("history", "History"),
)


def parts(without: Collection[str]) -> tuple[Part, ...]:
    """The bar of a page that lacks these."""
    return tuple(part for part in _PARTS if part.anchor not in without)
