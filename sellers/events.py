"""What sellers can be told of, and the words of each message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from payments.amounts import Amount
from payments.ids import new_id
from payments.models import Payment
from payments.outbox import Told
from payments.wiring import public_url
from sellers.models import Listing

# In the order of a payment's life; the keys are those of `payments.states.words`.
PAYMENT_EVENTS = {
    "payment.at_seller": "A buyer's payment is claimed and your endpoint is being called",
    "payment.ready": "The answer is there, the money not yet",
    "payment.settling": "The transaction that moves the money is sent",
    "payment.paid": "The money has moved",
    "payment.final": "The money has moved for good, and the receipt is signed",
    "payment.not_charged": "The call failed; nobody pays for it",
    "payment.uncollected": "An answer left, and the money could not be collected",
    "payment.paid_unanswered": "Paid, but there was no answer: a refund is due from you",
}
LISTING_EVENTS = {
    "listing.approved": "A revision of yours is live",
    "listing.refused": "A revision of yours was sent back, with the reason",
    "listing.suspended": "The marketplace stopped a listing of yours",
    "listing.restored": "A suspension was lifted",
    "listing.paused": "A listing was paused because its endpoint kept failing",
}
EVENTS = PAYMENT_EVENTS | LISTING_EVENTS
TEST_EVENT = "webhook.test"
USUAL_EVENTS = tuple(
    name
    for name in EVENTS
    if name not in {"payment.at_seller", "payment.ready", "payment.settling"}
)


@dataclass(frozen=True, slots=True)
class Event:
    """One thing that happened: it has the same id wherever and however often it is sent."""

    id: str
    name: str
    subject: str
    at: datetime
    data: dict[str, Any]

    @property
    def body(self) -> str:
        """The message, as it is signed and sent."""
        document = {
            "id": self.id,
            "type": self.name,
            "created_at": _stamp(self.at),
            "data": self.data,
        }
        return orjson.dumps(document).decode()


def payment_event(told: Told, payment: Payment) -> Event:
    """A step of a payment. What the buyer asked and got is not in it: that is between two."""
    amount = Amount.of(payment.network, payment.asset, int(payment.amount_atomic))
    data = {
        "payment": {
            "id": str(payment.pk),
            "version": told.version,
            "state": told.words.key,
            "words": told.words.text,
            "work": told.state.work.value,
            "money": told.state.money.value,
            "why": told.why,
            "at": _stamp(told.at),
            "listing_id": str(payment.listing_id),
            "listing": payment.listing_path,
            "title": payment.title,
            "revision": bytes(payment.revision_hash).hex(),
            "network": payment.network,
            "asset": payment.asset,
            "amount_atomic": str(int(payment.amount_atomic)),
            "amount": amount.text,
            "payer": payment.payer,
            "pay_to": payment.pay_to,
            "transaction": told.detail.get("transaction"),
            "url": public_url(f"/p/{payment.pk}"),
        }
    }
    return Event(
        id=f"{payment.pk}.{told.version}",
        name=f"payment.{told.words.key}",
        subject=str(payment.pk),
        at=told.at,
        data=data,
    )


def listing_event(listing: Listing, name: str, reason: str) -> Event:
    """What was decided about a listing, with the reason that was given."""
    live = listing.live_revision
    data = {
        "listing": {
            "id": str(listing.pk),
            "path": listing.path,
            "state": listing.state,
            "live_revision": bytes(live.hash).hex() if live else None,
            "reason": reason,
        }
    }
    return Event(str(new_id()), name, listing.path, datetime.now(UTC), data)


def try_out_event() -> Event:
    """A message that says nothing happened, to try an address with."""
    said = {"message": "This is a test. Nothing happened."}
    return Event(str(new_id()), TEST_EVENT, "", datetime.now(UTC), said)


def _stamp(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
