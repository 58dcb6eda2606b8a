"""API keys: what a seller's programs may do, without their password and without a browser.

A key is 256 random bits, shown once; its hash is what is kept, so nothing that leaks from here
can be used. A key cannot make or change keys.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from payments.audit_log import SYSTEM, record
from sellers.models import Seller
from sellers.models.keys import ApiKey
from sellers.refusals import ListingRefused, Why, bad
from sellers.site import key_limits
from sellers.texts import clean

SCOPES = {
    "listings:read": "See listings, their history and prices",
    "listings:write": "Create drafts, propose changes, submit, pause, resume and retire; read the"
    " keys that sign calls",
    "money:read": "See payouts, payments and earnings",
    "payouts:write": "Prove payout wallets by their signature, and take them back",
    "webhooks:read": "See webhooks and their deliveries",
    "webhooks:write": "Add, change, rotate and remove webhooks; send again",
}
PRESETS = {
    "read-only": tuple(scope for scope in SCOPES if scope.endswith(":read")),
    "listings": ("listings:read", "listings:write"),
    "analytics": ("listings:read", "money:read"),
}
NAME_CHARACTERS_MAX = 60
EXPIRES_DAYS_MAX = 3_650
KEY = re.compile(r"souk_[A-Za-z0-9_-]{43}")
PREFIX_CHARACTERS = 13
USE_NOTED = timedelta(minutes=1)
_WORKS = Q(revoked_at__isnull=True) & (Q(expires_at__isnull=True) | Q(expires_at__gt=Now()))


@dataclass(frozen=True, slots=True)
class Issued:
    """A key's row with the key itself, which is shown now and never again."""

    row: ApiKey
    key: str


def issue(
    seller: Seller,
    name: str,
    scopes: Sequence[str],
    expires_days: int | None = None,
    *,
    by: str = SYSTEM,
) -> Issued:
    """Make a key that may do these things, and no others."""
    shown = clean(name, NAME_CHARACTERS_MAX)
    if not shown:
        raise bad("name", "a name, to know later what the key is for")
    unknown = [scope for scope in scopes if scope not in SCOPES]
    if unknown or not scopes:
        raise bad("scopes", "one or more of " + ", ".join(SCOPES))
    if expires_days is not None and not 1 <= expires_days <= EXPIRES_DAYS_MAX:
        raise bad("expires_days", f"1 to {EXPIRES_DAYS_MAX} days, or nothing")
    key = "souk_" + secrets.token_urlsafe(32)
    row = ApiKey(
        seller=seller,
        name=shown,
        prefix=key[:PREFIX_CHARACTERS],
        hash=_hash(key),
        scopes=[scope for scope in SCOPES if scope in set(scopes)],
        expires_at=_in_days(expires_days),
    )
    with transaction.atomic():
        # Two forms sent at once must not both take the last place.
        Seller.objects.select_for_update().get(pk=seller.pk)
        most = key_limits().per_seller_max
        if working_of(seller).count() >= most:
            raise ListingRefused(
                Why.TOO_MANY, f"at most {most} keys; revoke one that you do not need"
            )
        row.save(force_insert=True)
        may = {"key": row.pk, "scopes": row.scopes, "expires_at": row.expires_at}
        record(by, "key.made", f"seller:{seller.pk}", after=may)
    return Issued(row, key)


def recognise(shown: str) -> ApiKey | None:
    """The key that was shown; None for one that is unknown, revoked, over or nobody's."""
    if not KEY.fullmatch(shown):
        return None
    found = ApiKey.objects.select_related("seller__owner").filter(_WORKS, hash=_hash(shown)).first()
    if found is None:
        return None
    owner = found.seller.owner
    if owner is not None and not owner.is_active:
        return None
    _note_use(found)
    return found


@transaction.atomic
def revoke(seller: Seller, key_id: UUID, *, by: str = SYSTEM) -> bool:
    """Take a key out of use at once and for good; false when the seller has no such key."""
    mine = ApiKey.objects.filter(seller=seller, pk=key_id)
    if mine.filter(revoked_at__isnull=True).update(revoked_at=Now()):
        record(by, "key.revoked", f"seller:{seller.pk}", before={"key": key_id})
        return True
    return mine.exists()


def keys_of(seller: Seller) -> QuerySet[ApiKey]:
    """A seller's keys, newest first; revoked ones for a while, so that nobody wonders."""
    return ApiKey.objects.filter(seller=seller).order_by("-id")


def working_of(seller: Seller) -> QuerySet[ApiKey]:
    """A seller's keys that are neither revoked nor over."""
    return keys_of(seller).filter(_WORKS)


def forget_keys() -> int:
    """Drop keys that were revoked or ran out long ago."""
    old = Now() - timedelta(days=key_limits().keep_days)
    gone = ApiKey.objects.filter(Q(revoked_at__lt=old) | Q(expires_at__lt=old)).delete()
    return int(gone[0])


def _note_use(key: ApiKey) -> None:
    """When a key was last used, to the minute: a busy program must not write at every call."""
    now = timezone.now()
    if key.last_used_at is None or key.last_used_at < now - USE_NOTED:
        ApiKey.objects.filter(pk=key.pk).update(last_used_at=now)


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode()).digest()


def _in_days(days: int | None) -> datetime | None:
    return None if days is None else timezone.now() + timedelta(days=days)
