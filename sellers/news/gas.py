"""A seller whose gas for today is spent is told: nobody can buy from them until midnight UTC."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, time

from django.urls import reverse
from django.utils import timezone

from payments.models import GasUse
from payments.reports.workings import spent_up
from payments.x402.networks import NETWORKS
from sellers.models import Notice, Seller
from sellers.notices import only_id, tell_once


def tell_spent(caps_wei: Mapping[str, int]) -> int:
    """Once for each seller, network and day, on their pages and by letter; says how many."""
    spent = spent_up(caps_wei)
    known = Seller.objects.in_bulk({use.seller_id for use in spent})
    return tell_once([_news(use) for use in spent if use.seller_id in known])


def _news(use: GasUse) -> Notice:
    name = NETWORKS[use.network].name
    midnight = datetime.combine(use.day, time(), UTC)
    return Notice(
        id=only_id(f"gas {use.network} {use.seller_id}", midnight),
        seller_id=use.seller_id,
        subject=f"Calls on {name} are refused until midnight UTC",
        text=(
            f"Every payment costs gas, which this marketplace pays. What it pays for one seller in"
            f" a day on {name} is spent for you, so new calls there are refused, and nobody is"
            " charged. Calls on your other networks go on. Ask the operator for more, or offer a"
            " price on another network."
        ),
        href=reverse("sell-home"),
        mail_at=timezone.now(),
    )
