"""The lists of tools, made once for each state of the shelf: an agent's first question is cheap."""

from __future__ import annotations

import contextlib
import re
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass
from typing import Any, Final

from django.db import DatabaseError

from marketplace.calls.shelf import Shelf
from marketplace.catalog.mcp import definitions
from marketplace.catalog.mcp.listings import as_tool
from marketplace.catalog.mcp.looks import Looks, TooManyLooks
from marketplace.catalog.mcp.protocol import INVALID_PARAMS, Fault
from sellers.market import goods
from sellers.models.listings import SLUG, SLUG_CHARACTERS_MAX

Document = dict[str, Any]

TOOLS_A_PAGE: Final = 25
TOOLS_REMEMBERED_MAX: Final = 2_000
_NO_EXAMPLE: Final[tuple[str, Document]] = (definitions.EXAMPLE_PATH, {})
_SLUG = re.compile(SLUG)


@dataclass(frozen=True, slots=True)
class _Made:
    version: int
    tools: tuple[Document, ...]


class Lists:
    """What `tools/list` answers, for the whole site and for each seller."""

    def __init__(self, shelf: Shelf, looks: Looks) -> None:
        self._shelf = shelf
        self._looks = looks
        self._site: _Made | None = None
        self._sellers: OrderedDict[str, _Made] = OrderedDict()

    async def of_site(self) -> Document:
        """The few tools with which everything is found and bought."""
        version = self._shelf.version
        if self._site is None or self._site.version != version:
            with contextlib.suppress(DatabaseError, TooManyLooks):  # an old example still lists
                self._site = _Made(version, definitions.of_site(*await self._example()))
        made = self._site
        return {"tools": list(made.tools if made else definitions.of_site(*_NO_EXAMPLE))}

    async def _example(self) -> tuple[str, Document]:
        """A call that can be made now, for those who try what they find."""
        best = next(iter(await self._looks(goods.best, 1)), None)
        return (best.path, dict(best.terms.example_input)) if best else _NO_EXAMPLE

    async def of_seller(self, seller: str, cursor: str | None) -> Document:
        """A page of one seller's listings, each a tool, in the order of their names."""
        tools = (await self._made(seller)).tools
        if cursor is not None and not is_slug(cursor):
            raise Fault(INVALID_PARAMS, "this is no cursor of this list")
        start = bisect_right(tools, cursor or "", key=lambda tool: str(tool["name"]))
        page = tools[start : start + TOOLS_A_PAGE]
        before = () if cursor else definitions.of_every_seller()
        listed: Document = {"tools": [*before, *page]}
        if start + TOOLS_A_PAGE < len(tools):
            listed["nextCursor"] = page[-1]["name"]
        return listed

    async def _made(self, seller: str) -> _Made:
        version, made = self._shelf.version, self._sellers.pop(seller, None)
        if made is None or made.version != version:
            found = await self._looks(goods.of_seller, seller)
            tools = sorted(map(as_tool, found), key=lambda tool: str(tool["name"]))
            made = _Made(version, tuple(tools))
        self._sellers[seller] = made
        self._forget()
        return made

    def _forget(self) -> None:
        """A seller without listings takes a place too, so that guessing does not fill memory."""
        kept = sum(1 + len(each.tools) for each in self._sellers.values())
        while kept > TOOLS_REMEMBERED_MAX and len(self._sellers) > 1:
            _, oldest = self._sellers.popitem(last=False)
            kept -= 1 + len(oldest.tools)


def is_slug(text: str) -> bool:
    return len(text) <= SLUG_CHARACTERS_MAX and _SLUG.fullmatch(text) is not None
