"""What the worker does for sellers now and then. No task holds a truth; all may run twice."""

from __future__ import annotations

from celery import shared_task

from payments.wiring import offer_signer
from sellers.listings import forget_closed
from sellers.signed_offers import forget_unsold, sign_due
from sellers.site import this_site


@shared_task
def sign_offers() -> None:
    """Put the site's signature under the prices that are quoted now."""
    signer = offer_signer()
    if signer is not None:
        sign_due(signer, this_site())


@shared_task
def forget_signed_offers() -> None:
    """Let go of signatures under prices that are gone."""
    forget_unsold()


@shared_task
def forget_closed_prices() -> None:
    """Let go of prices that nobody can pay any more."""
    forget_closed()
