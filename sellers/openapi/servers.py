"""Where a document's operations are answered: its servers, in full as far as that can be known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

from sellers.addresses import URL_CHARACTERS_MAX
from sellers.openapi.references import list_of, object_of, text_of
from sellers.refusals import bad

_FULL: Final = ("https://", "http://")
_VARIABLE: Final = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a document was fetched from, and where its servers are if somebody said so."""

    base_url: str = ""
    document_url: str = ""

    def whole(self, server: str) -> str:
        """A server's address in full; as it is written where nothing says what it is relative to.

        Servers are relative to the document, and one that names none is served at the root of
        its host (OpenAPI 3.1, 4.8.1.1 and 4.8.5).
        """
        if not server and not self.base_url and self.document_url:
            server = "/"
        try:
            return urljoin(self.base_url or self.document_url, server)
        except ValueError:  # brackets that hold no address
            return server


def is_full(url: str) -> bool:
    """Whether an address says by itself where it leads."""
    return url.lower().startswith(_FULL)


def server_of(*levels: Mapping[str, Any]) -> str:
    """The first server that one of these names, the narrowest first: operation, path, document."""
    servers = next(filter(None, (list_of(level, "servers") for level in levels)), [])
    first = object_of(servers[0]) if servers else {}
    url, variables = text_of(first.get("url")), object_of(first.get("variables"))

    def default_of(name: re.Match[str]) -> str:
        if name[1] not in variables:
            return name[0]
        return _short(text_of(object_of(variables[name[1]]).get("default")))

    # Once: a default that names variables would be written out again and again.
    return _short(_VARIABLE.sub(default_of, _short(url)))


def _short(url: str) -> str:
    if len(url) > URL_CHARACTERS_MAX:
        raise bad(
            "document", f"the address of a server has at most {URL_CHARACTERS_MAX} characters"
        )
    return url
