"""What the worker does for sellers now and then. No task holds a truth; all may run twice."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from payments.wiring import offer_signer
from sellers import looks
from sellers.health import forget_probes as forget_old_probes
from sellers.keys import forget_keys as forget_old_keys
from sellers.listings import forget_closed
from sellers.notices import forget_notices as forget_old_notices
from sellers.outbox import STEPS_AT_ONCE, feed
from sellers.probing import probe_due
from sellers.repeats import forget_repeats as forget_old_repeats
from sellers.sending import send_due
from sellers.signed_offers import forget_unsold, sign_due
from sellers.site import this_site
from sellers.webhooks import forget_deliveries as forget_done_deliveries
from sellers.worksheets import forget_untouched


@shared_task
def sign_offers() -> None:
    """Put the site's signature under the prices that are quoted now."""
    signer = offer_signer()
    if signer is not None:
        sign_due(signer, this_site())


@shared_task
def look_at_upstream(look_id: str) -> None:
    """A seller waits at a page for this look."""
    looks.run(UUID(look_id), this_site())


@shared_task
def look_at_upstreams() -> None:
    """The looks whose bell nobody heard."""
    looks.run_due(this_site())


@shared_task
def forget_worksheets() -> None:
    """Let go of what was typed half a year ago and never finished."""
    forget_untouched()


@shared_task
def forget_signed_offers() -> None:
    """Let go of signatures under prices that are gone."""
    forget_unsold()


@shared_task
def forget_closed_prices() -> None:
    """Let go of prices that nobody can pay any more."""
    forget_closed()


@shared_task
def send_webhooks() -> None:
    """Tell sellers' addresses what happened, and try again where that failed."""
    tell_and_send()


def tell_and_send() -> int:
    """One ring of the bell: every step nobody was told of, then every message that is due."""
    while feed() == STEPS_AT_ONCE:
        continue
    return send_due(this_site())


@shared_task
def forget_deliveries() -> None:
    """Let go of the log of old messages, and of secrets that were replaced."""
    forget_done_deliveries()


@shared_task
def forget_notices() -> None:
    """Let go of what sellers were told long ago."""
    forget_old_notices()


@shared_task
def forget_keys() -> None:
    """Let go of API keys that are out of use for long."""
    forget_old_keys()


@shared_task
def forget_repeats() -> None:
    """Let go of the answers to creations that nobody repeats any more."""
    forget_old_repeats()


@shared_task
def probe_listings() -> None:
    """Look at the listings whose time has come."""
    probe_due(this_site())


@shared_task
def forget_probes() -> None:
    """Let go of what was seen of listings long ago."""
    forget_old_probes()
