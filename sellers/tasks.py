"""What the worker does for sellers now and then. No task holds a truth; all may run twice."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from payments.disputes import clock as dispute_clock
from payments.wiring.keys import offer_signer
from payments.wiring.networks import seller_gas_caps
from sellers.domains import looks as domain_looks
from sellers.drafting import fetches
from sellers.drafting.worksheets import forget_untouched
from sellers.grading.verification import verify_due
from sellers.health.breakers import forget_breakers
from sellers.health.health import forget_probes as forget_old_probes
from sellers.jobs.turns import OUTSIDE, UNASKED, in_turn
from sellers.news.disputes import tell
from sellers.news.floors import tell_not_offered
from sellers.news.gas import tell_spent
from sellers.notices import forget_notices as forget_old_notices
from sellers.on_sale.entries import forget_changes
from sellers.on_sale.open_offers import forget_closed
from sellers.on_sale.preview_ends import forget_previews as forget_old_previews
from sellers.payouts.payouts import wallets_of
from sellers.programs.keys import forget_keys as forget_old_keys
from sellers.programs.repeats import forget_repeats as forget_old_repeats
from sellers.reviews.reports import forget as forget_old_reports
from sellers.reviews.verdicts import carry_out_due
from sellers.signed_offers import forget_unsold, sign_due
from sellers.site import report_limits, review_rules, this_site
from sellers.upstreams import looks
from sellers.upstreams.probing import probe_due
from sellers.webhooks.outbox import feed
from sellers.webhooks.sending import send_due
from sellers.webhooks.webhooks import forget_deliveries as forget_done_deliveries


@shared_task
def sign_offers() -> None:
    """Put the site's signature under the prices that are quoted now."""
    signer = offer_signer()
    if signer is not None:
        sign_due(signer, this_site())


@shared_task
@in_turn(OUTSIDE)
def look_at_upstream(look_id: str) -> None:
    """A seller waits at a page for this look."""
    looks.run(UUID(look_id), this_site())


@shared_task
@in_turn(OUTSIDE)
def look_at_upstreams() -> None:
    """The looks, and the documents to fetch, whose bell nobody heard."""
    looks.run_due(this_site())
    fetches.run_due(this_site())


@shared_task
@in_turn(OUTSIDE)
def look_at_domain(seller_id: str) -> None:
    """A seller waits at a page for this look."""
    domain_looks.run(UUID(seller_id), this_site())


@shared_task
@in_turn(OUTSIDE, UNASKED)
def look_at_domains() -> None:
    """The domains whose time has come, and those whose bell nobody heard."""
    domain_looks.run_due(this_site())


@shared_task
@in_turn(OUTSIDE)
def fetch_document(fetch_id: str) -> None:
    """A seller waits at a page for this document."""
    fetches.run(UUID(fetch_id), this_site())


@shared_task
def forget_worksheets() -> None:
    """Let go of what was typed half a year ago and never finished, and of fetched documents."""
    forget_untouched()
    fetches.forget()


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
    """One ring of the bell: every step that was taken, then every message that is due."""
    feed()
    return send_due(this_site())


@shared_task
def tend_disputes() -> None:
    """Open what opens by itself, keep the deadlines, find the refunds, and tell of it."""
    tend_and_tell()


def tend_and_tell() -> int:
    """One ring of the bell; says how many disputes and refunds were looked at."""
    looked = dispute_clock.tend(wallets_of)
    tell()
    return looked


@shared_task
def tell_of_gas() -> None:
    """Tell the sellers whose gas for today is spent."""
    tell_spent(seller_gas_caps())


@shared_task
def tell_of_floors() -> None:
    """Tell the sellers of listings that cost less or more than the operator takes now."""
    tell_not_offered(this_site())


@shared_task
def forget_deliveries() -> None:
    """Let go of the log of old messages, and of secrets that were replaced."""
    forget_done_deliveries()


@shared_task
def forget_notices() -> None:
    """Let go of what sellers were told long ago."""
    forget_old_notices()


@shared_task
def forget_catalog_changes() -> None:
    """Let go of what changed in the catalog long ago."""
    forget_changes()


@shared_task
def forget_keys() -> None:
    """Let go of API keys that are out of use for long."""
    forget_old_keys()


@shared_task
def forget_repeats() -> None:
    """Let go of the answers to creations that nobody repeats any more."""
    forget_old_repeats()


@shared_task
@in_turn(OUTSIDE, UNASKED)
def probe_listings() -> None:
    """Look at the listings whose time has come."""
    probe_due(this_site())


@shared_task
def carry_out_verdicts() -> None:
    """Bring what moderators decided ten seconds ago into effect."""
    carry_out_due(review_rules())


@shared_task
def forget_reports() -> None:
    """Let go of reports that were closed long ago."""
    forget_old_reports(report_limits())


@shared_task
def forget_probes() -> None:
    """Let go of what was seen of listings long ago, and of what doors said that are gone."""
    forget_old_probes()
    forget_breakers()


@shared_task
def forget_previews() -> None:
    """Let go of drafts that were tried out, their secrets first."""
    forget_old_previews()


@shared_task
@in_turn(OUTSIDE, UNASKED)
def verify_listings() -> None:
    """Ask our own face about the listings whose time has come, as graders do."""
    verify_due(this_site())
