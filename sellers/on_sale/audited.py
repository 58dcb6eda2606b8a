"""What the audit log has of a listing: the facts that somebody's act changed, and nothing else.

was = facts(listing)
…
note(by, "listing.paused", listing, was)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from payments.audit_log import record
from sellers.models import Listing, Revision


def facts(listing: Listing) -> dict[str, Any]:
    """How a listing stands, in what concerns money: its state, its revisions and its prices."""
    live, proposed = listing.live_revision, listing.proposed_revision
    return {
        "state": str(listing.state),
        "live": _hash(live),
        "proposed": _hash(proposed),
        "waits_for_review": listing.submitted_at is not None,
        "prices": live.terms["prices"] if live else [],
        "proposed_prices": proposed.terms["prices"] if proposed else [],
    }


def note(by: str, act: str, listing: Listing, was: Mapping[str, Any], why: str = "") -> None:
    """Write down who did this to a listing, with what changed; after everything else."""
    now = facts(listing)
    changed = [name for name in now if now[name] != was[name]]
    record(
        by,
        act,
        subject(listing.pk),
        before={name: was[name] for name in changed},
        after={name: now[name] for name in changed},
        why=why,
    )


def subject(listing_id: UUID) -> str:
    """How the log names a listing."""
    return f"listing:{listing_id}"


def _hash(revision: Revision | None) -> str | None:
    return bytes(revision.hash).hex() if revision else None
