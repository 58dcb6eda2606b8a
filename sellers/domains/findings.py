"""What follows from a look at a domain: it is its seller's, somebody else's, or nobody's here.

The file is the word of whoever runs the domain. Who is named in it, while the seller who had the
domain is named in it no more, has it from then on. Where nobody else is named, a file that cannot
be read costs the mark only after days: servers fail.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from payments.audit_log import SYSTEM
from payments.audit_log import record as note
from sellers.domains.claims import facts, subject
from sellers.domains.files import File, Trouble, address_of
from sellers.happenings import went_on
from sellers.jobs.due_rows import spread
from sellers.models import Domain, Listing
from sellers.news.domains import tell_failing, tell_lost, tell_taken
from sellers.on_sale import shelving
from sellers.site import DomainLimits, domain_limits

SPREAD: Final = 0.2
AGAIN_SECONDS: Final = 86_400  # after a failure
FAILURES_LEAST: Final = 3  # however many days they take


@transaction.atomic
def record(seller_id: UUID, name: str, found: File | Trouble) -> Domain | None:
    """Write down what was found at this name; None where the seller names it no more."""
    held = Domain.objects.select_for_update(of=("self",)).filter(name=name).order_by("pk")
    claimants = list(held.select_related("seller"))
    row = next((each for each in claimants if each.pk == seller_id), None)
    if row is None:
        return None
    before = next((each for each in claimants if each.verified_at and each.pk != row.pk), None)
    row.seen_at, row.claimed_until = timezone.now(), None
    trouble = found if isinstance(found, Trouble) else _amiss(row, before, found)
    if trouble is None:
        _holds(row, before, row.seen_at)
    else:
        _fails(row, trouble, row.seen_at, domain_limits())
    went_on()
    return row


def _amiss(row: Domain, before: Domain | None, found: File) -> Trouble | None:
    url = address_of(row.name)
    if row.line not in found.lines:
        return Trouble(
            f"{url} {found.instead()}.", "Put exactly the line that stands here into it."
        )
    if before is not None and before.line in found.lines:
        return Trouble(
            f"{url} names the seller {before.seller.slug} as well, who has the domain here.",
            f"Take the line of {before.seller.slug} out of it; then the domain is yours.",
        )
    return None


def _holds(row: Domain, before: Domain | None, now: datetime) -> None:
    """The line is there; who was named before this seller is named no more."""
    is_new = row.verified_at is None
    if is_new:
        _hold_listings([each.pk for each in (row, before) if each is not None])
    if before is not None:
        _taken(before)
    row.well_at, row.verified_at = now, row.verified_at or now
    row.failures, row.failing_since, row.trouble, row.fix = 0, None, "", ""
    row.next_look_at = now + spread(domain_limits().seconds, SPREAD)
    row.save()
    if is_new:
        shelving.retell(row.seller)
        note(SYSTEM, "domain.verified", subject(row), after=facts(row))


def _fails(row: Domain, trouble: Trouble, now: datetime, limits: DomainLimits) -> None:
    row.failures += 1
    row.failing_since = row.failing_since or now
    row.trouble, row.fix = trouble.said, trouble.fix
    lasts = now - row.failing_since >= timedelta(days=limits.lost_days)
    is_over = row.failures >= FAILURES_LEAST and lasts
    row.next_look_at = None if is_over else now + spread(AGAIN_SECONDS, SPREAD)
    if row.verified_at is not None and is_over:
        _lost(row)
        tell_lost(row)
        return
    row.save()
    if row.verified_at is not None and row.failures == 1:
        tell_failing(row, limits.lost_days)


def _taken(row: Domain) -> None:
    row.trouble = f"{address_of(row.name)} names another seller, and you no more."
    row.fix = "Put the line that stands here into it, and take the other one out."
    row.next_look_at = None
    _lost(row)
    tell_taken(row)


def _lost(row: Domain) -> None:
    """Buyers are shown it no more."""
    was = facts(row)
    row.verified_at = None
    row.save()
    shelving.retell(row.seller)
    note(SYSTEM, "domain.lost", subject(row), before=was, after=facts(row))


def _hold_listings(seller_ids: Sequence[UUID]) -> None:
    """All that is retold, before the log's end is held: so that nobody waits in a circle."""
    live = Listing.objects.filter(seller_id__in=seller_ids, state=Listing.State.LIVE)
    list(live.order_by("pk").select_for_update(of=("self",)).values_list("pk", flat=True))
