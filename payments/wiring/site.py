"""Where this site is, who asks it, and whose wallets are known here."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest
from django.utils.module_loading import import_string

from payments.serving.origins import network_in
from payments.written import payment_page


def public_url(path: str) -> str:
    return f"{settings.PUBLIC_BASE_URL}{path}"


def payment_url(payment_id: UUID) -> str:
    return payment_page(settings.PUBLIC_BASE_URL, payment_id)


def origin_of(request: HttpRequest) -> str:
    """The network of whoever asks; nothing where that cannot be known."""
    peer, told = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    return network_in(peer, told, settings.PROXY_HOPS)


def linked_wallets(user_id: int) -> Iterable[tuple[str, str, bool]]:
    """An account's wallets, as whoever keeps accounts knows them: address, network, pays only."""
    found: Iterable[tuple[str, str, bool]] = import_string(settings.LINKED_WALLETS)(user_id)
    return found
