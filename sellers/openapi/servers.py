"""Where a document's operations are answered: its servers, in full as far as that can be known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import urljoin

from sellers.openapi.references import list_of, object_of

_FULL: Final = ("https://", "http://")


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
    url = str(first.get("url", ""))
    for name, variable in object_of(first.get("variables")).items():
        url = url.replace(f"{{{name}}}", str(object_of(variable).get("default", "")))
    return url
