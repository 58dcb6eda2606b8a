"""Documents of the whole site in gzip, for who takes it: packed once by each process.

Only what is the same for everybody and holds no secret is packed: beside one, what a stranger
can add to a page tells by its length what the secret is.
"""

from __future__ import annotations

import gzip
from typing import Final

from django.http import HttpRequest

from marketplace.catalog.models import BuiltDocument

LEVEL: Final = 6
_packed: dict[str, tuple[str, bytes]] = {}  # by path: of which edition, and its bytes


def takes_gzip(request: HttpRequest) -> bool:
    """Whether gzip is among what is accepted, and not ruled out with `q=0`."""
    for said in request.headers.get("Accept-Encoding", "").lower().split(","):
        name, _, weight = said.replace(" ", "").partition(";q=")
        if name == "gzip":
            return not weight or weight.strip("0.") != ""
    return False


def packed(document: BuiltDocument) -> bytes:
    """The document's bytes in gzip; they are read where this edition was not packed yet."""
    etag, body = _packed.get(document.path, ("", b""))
    if etag != document.etag:
        body = gzip.compress(bytes(document.body), LEVEL, mtime=0)
        _packed[document.path] = (document.etag, body)
    return body
