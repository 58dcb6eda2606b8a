"""Where a request beside Django comes from."""

from __future__ import annotations

from asgiref.typing import HTTPScope
from django.conf import settings

from payments.serving.origins import network_in

_FORWARDED = b"x-forwarded-for"


def origin_of(scope: HTTPScope) -> str:
    """The network of whoever asks; nothing where that cannot be known."""
    peer = scope["client"][0] if scope["client"] else ""
    told = [value.decode("latin-1") for name, value in scope["headers"] if name == _FORWARDED]
    return network_in(peer, ",".join(told), settings.PROXY_HOPS)
