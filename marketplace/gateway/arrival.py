"""One request at the door, as far as it was read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from asgiref.typing import ASGIReceiveCallable, HTTPScope

from marketplace.calls.inbox import Inbox
from marketplace.calls.origin import origin_of
from marketplace.calls.requests import CallRequest, Query, without_ours
from marketplace.gateway.dialects import Dialect
from marketplace.gateway.incoming import PAYMENTS, Route


@dataclass(slots=True)
class Arrival:
    """One request, as far as it has been read."""

    route: Route
    headers: dict[bytes, bytes]  # those the door acts on
    query: Query | None  # None when it cannot be read
    dialect: Dialect
    scope: HTTPScope
    receive: ASGIReceiveCallable

    @property
    def pays(self) -> bool:
        return bool(self.headers) and not PAYMENTS.isdisjoint(self.headers)

    @property
    def brings_body(self) -> bool:
        length = self.headers.get(b"content-length", b"0")
        return length != b"0" or b"transfer-encoding" in self.headers

    @property
    def ends_with_its_head(self) -> bool:
        """No body can follow. In HTTP/2 one may, though no header announces it."""
        return not self.brings_body and self.scope["http_version"] in ("1.0", "1.1")

    def text(self, header: bytes) -> str | None:
        value = self.headers.get(header)
        return None if value is None else value.decode("latin-1")

    def request(self, query: Query, inbox: Inbox) -> CallRequest:
        """Return the call on plain values."""
        return CallRequest(
            method=self.scope["method"],
            segments=self.route.segments,
            query=without_ours(query),
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in self.scope["headers"]
            ),
            credential=self.text(self.dialect.credential),
            read_body=inbox.read,
            gone=inbox.gone,
            max_price=self.text(b"x-max-price"),
            fresh=self.text(b"x-souk-fresh") == "1",
            origin=partial(origin_of, self.scope),
            siwx=self.text(b"sign-in-with-x"),
            decode=self.dialect.decode,
        )
