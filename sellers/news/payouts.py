"""A payout wallet that is new or taken back, told to its seller: it may not have been them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from django.urls import reverse
from django.utils import timezone

from payments.x402.networks import NETWORKS
from sellers.models import Listing, Payout
from sellers.notices import notify
from sellers.site import this_site

_LOCK = "set another password and revoke keys that may write payouts."


def tell_proven(payout: Payout) -> None:
    """In the transaction that keeps the proof: the wait only helps whoever knows of it."""
    end = payout.proven_at + timedelta(seconds=this_site().payout_cooldown_seconds)
    where = f" on {NETWORKS[payout.network].name}" if payout.network in NETWORKS else ""
    _tell(
        payout.seller_id,
        "A payout wallet was added",
        f"{payout.address} was proven to be yours{where}. A live listing can be paid into it from"
        f" {end:%d %B %H:%M} UTC on. Was it not you? Take it back at once, {_LOCK}",
    )


def tell_revoked(address: str, struck: Iterable[UUID], paused: Iterable[Listing]) -> None:
    """In the transaction that takes it back: everybody it was, or who was paid into it."""
    stopped: dict[UUID, list[str]] = {seller_id: [] for seller_id in struck}
    for listing in paused:
        stopped.setdefault(listing.seller_id, []).append(listing.slug)
    for seller_id, slugs in stopped.items():
        ends = f" Paused with it: {', '.join(sorted(slugs))}." if slugs else ""
        _tell(
            seller_id,
            "A payout wallet was taken back",
            f"{address} is paid no more.{ends} Was it neither you nor this marketplace? Prove it"
            f" again, {_LOCK}",
        )


def _tell(seller_id: UUID, subject: str, text: str) -> None:
    notify(seller_id, subject, text, reverse("sell-payouts"), mail_at=timezone.now())
