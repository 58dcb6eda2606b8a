"""The domain that a seller names: one at a time, proven by a file, given up at will."""

from __future__ import annotations

import hashlib
import secrets
from typing import Any, Final

from django.db import transaction
from django.utils import timezone

from payments import rates
from payments.audit_log import SYSTEM
from payments.audit_log import record as note
from sellers.addresses import vetted
from sellers.domains.files import address_of
from sellers.domains.names import FIELD, domain_name
from sellers.models import Domain, Seller
from sellers.on_sale import shelving
from sellers.refusals import TooOften, bad
from sellers.site import Site

HOUR: Final = 3_600
# What was known of another name is not known of this one.
_UNKNOWN: Final[dict[str, Any]] = {
    "verified_at": None, "seen_at": None, "well_at": None, "failures": 0, "failing_since": None,
    "trouble": "", "fix": "", "next_look_at": None, "claimed_until": None,
}  # fmt: skip


def domain_of(seller: Seller) -> Domain | None:
    """The domain that a seller names, proven or not."""
    return Domain.objects.select_related("seller").filter(pk=seller.pk).first()


@transaction.atomic
def name_domain(seller: Seller, text: str, site: Site, *, by: str = SYSTEM) -> Domain:
    """Say which domain is the seller's; what was proven of another one counts no more."""
    name = domain_name(text)
    vetted(str(address_of(name)), site, FIELD)
    Seller.objects.select_for_update().get(pk=seller.pk)
    known = domain_of(seller)
    if known is not None and known.name == name:
        return known
    _count_try(seller, site)
    said = {"name": name, "named_at": timezone.now(), **_UNKNOWN}
    row, _ = Domain.objects.update_or_create(
        seller=seller,
        defaults=said,
        create_defaults={**said, "token": secrets.token_urlsafe(24)},
    )
    if known is not None and known.verified_at is not None:
        shelving.retell(seller)
    before = facts(known) if known else {}
    note(by, "domain.named", subject(row), before=before, after=facts(row))
    return row


@transaction.atomic
def give_up(seller: Seller, *, by: str = SYSTEM) -> bool:
    """Name no domain any more; false where none was named."""
    Seller.objects.select_for_update().get(pk=seller.pk)
    known = domain_of(seller)
    if known is None:
        return False
    was, named = facts(known), subject(known)
    known.delete()
    if was["verified"]:
        shelving.retell(seller)
    note(by, "domain.given_up", named, before=was)
    return True


@transaction.atomic
def ask(seller: Seller, site: Site) -> Domain:
    """Have the file looked at now; a look that is on its way is enough."""
    row = Domain.objects.select_for_update().filter(pk=seller.pk).first()
    if row is None:
        raise bad(FIELD, "name your domain first")
    if row.is_looked_at:
        return row
    _count_try(seller, site)
    row.next_look_at = timezone.now()
    if row.verified_at is None:  # whoever asks has mended something: the days count anew
        row.failures, row.failing_since = 0, None
    row.save(update_fields=("next_look_at", "failures", "failing_since"))
    return row


def facts(row: Domain) -> dict[str, Any]:
    """What the audit log has of it: no name, as one may be somebody's, and the log is for good."""
    named = hashlib.sha256(row.name.encode()).hexdigest()
    return {"domain_sha256": named, "verified": row.verified_at is not None}


def subject(row: Domain) -> str:
    """How the log names it."""
    return f"seller:{row.pk}"


def _count_try(seller: Seller, site: Site) -> None:
    rate = rates.take("domain", str(seller.pk), site.looks_hour_max, HOUR)
    if not rate.allows:
        raise TooOften("that is enough for an hour; try again later", rate.retry_seconds)
