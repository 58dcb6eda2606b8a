"""What sellers can be told of, and the words of each message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import orjson

from payments.amounts import Amount
from payments.disputes.states import words
from payments.ids import new_id
from payments.limits.sums import text as plain
from payments.limits.words import Alert
from payments.models import Case, DisputeStep, Payment, Side
from payments.models.limits import THRESHOLDS
from payments.outbox import Told
from payments.wiring.site import payment_url, public_url
from payments.written import utc
from sellers.models import Listing
from sellers.offers import PREVIEWS

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
    "listing.changes_asked": "A revision of yours was sent back, with what should change",
    "listing.suspended": "The marketplace stopped a listing of yours",
    "listing.restored": "A suspension was lifted",
    "listing.check_failed": "A live listing fails a check that agents make",
    "listing.paused": "A listing was paused because its endpoint kept failing",
    "listing.drifted": "Answers of a listing no longer keep its output schema",
}
# The keys are those of `payments.disputes.states.words`.
DISPUTE_EVENTS = {
    "dispute.open": "A buyer wants money back; answer before the deadline",
    "dispute.due": "A refund is due from you: promised, or because no answer came",
    "dispute.review": "An admin looks at a dispute",
    "dispute.ordered": "An admin decided that you owe a refund",
    "dispute.refunded": "Your refund is on chain, and the dispute is closed",
    "dispute.rejected": "An admin closed a dispute: no refund is due",
    "dispute.withdrawn": "The buyer took a dispute back",
    "dispute.said": "The buyer or an admin wrote something, or part of a refund arrived",
    "dispute.unpaid": "A refund was ordered and did not come in time",
}
EVENTS = PAYMENT_EVENTS | LISTING_EVENTS | DISPUTE_EVENTS
# What buyers can be told of: the thresholds of `payments.models.limits`, and what they refuse.
_THRESHOLD_EVENTS = {
    "limit.half_used": "Half of a limit of a wallet or a group of yours is used",
    "limit.nearly_used": "85 % of a limit is used",
    "limit.used_up": "A limit is used up, and calls are refused",
}
_BY_PERCENT = dict(zip(THRESHOLDS, _THRESHOLD_EVENTS, strict=True))
_REFUSAL_EVENT = "limit.call_refused"
# Steps of the same cases that sellers are told of, in their buyers' words.
_BUYER_DISPUTE_EVENTS = {
    "dispute.open": "A dispute about a payment of yours is open; the seller has to answer",
    "dispute.due": "A refund is due to you: promised, or because no answer came",
    "dispute.review": "An admin looks at a dispute of yours",
    "dispute.ordered": "An admin decided that the seller owes you a refund",
    "dispute.refunded": "A refund to you is on chain, and the dispute is closed",
    "dispute.rejected": "An admin closed a dispute of yours: no refund is due",
    "dispute.withdrawn": "A dispute of yours was taken back",
    "dispute.said": "The seller or an admin wrote something, or part of a refund arrived",
    "dispute.unpaid": "A refund to you was ordered and did not come in time",
}
BUYER_EVENTS = (
    _THRESHOLD_EVENTS
    | {_REFUSAL_EVENT: "A call was refused: it costs more than is left of a limit"}
    | _BUYER_DISPUTE_EVENTS
)
_PAGES = {Side.SELLER: "sell", Side.PAYER: "buy"}
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
            "created_at": utc(self.at),
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
            "at": utc(told.at),
            "listing_id": str(payment.listing_id),
            "listing": payment.listing_path,
            "test_call": payment.listing_path.startswith(PREVIEWS),
            "title": payment.title,
            "revision": bytes(payment.revision_hash).hex(),
            "network": payment.network,
            "asset": payment.asset,
            "amount_atomic": str(int(payment.amount_atomic)),
            "amount": amount.text,
            "payer": payment.payer,
            "pay_to": payment.pay_to,
            "transaction": told.detail.get("transaction"),
            "url": payment_url(payment.pk),
        }
    }
    return Event(
        id=f"{payment.pk}.{told.version}",
        name=f"payment.{told.words.key}",
        subject=str(payment.pk),
        at=told.at,
        data=data,
    )


def dispute_event(step: DisputeStep, side: Side = Side.SELLER) -> Event:
    """A step of a case, with who took it and their words, for one of its two sides."""
    dispute = step.dispute
    payment = dispute.payment
    asked = Amount.of(payment.network, payment.asset, int(dispute.asked_atomic))
    data = {
        "dispute": {
            "id": str(dispute.pk),
            "version": step.version,
            "state": step.state,
            "words": words(Case(step.state)).text,
            "by": step.by,
            "text": step.text,
            "at": utc(step.at),
            "reason": dispute.reason,
            "payment_id": str(payment.pk),
            "listing": payment.listing_path,
            "network": payment.network,
            "asset": payment.asset,
            "asked_atomic": str(int(dispute.asked_atomic)),
            "asked": asked.text,
            "refund_to": payment.payer,
            "deadline": utc(dispute.deadline_at) if dispute.deadline_at else None,
            "url": public_url(f"/{_PAGES[side]}/disputes/{dispute.pk}"),
        }
    }
    return Event(
        id=f"{dispute.pk}.{step.version}",
        name=f"dispute.{step.state if step.is_move else 'said'}",
        subject=str(dispute.pk),
        at=step.at,
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


def limit_event(alert: Alert) -> Event:
    """That a sum of a buyer's wallet or group came near its limit."""
    row, group = alert.row, alert.group
    data = {
        "limit": {
            "of": "group" if group else "wallet",
            "wallet": None if group else row.holder,
            "group_id": str(group.pk) if group else None,
            "name": alert.name,
            "per": row.sum.removesuffix("_max"),
            "subject": row.subject or None,
            "percent": alert.percent if alert.is_refusal else row.percent,
            "limit_usd": plain(row.limit_dollars),
            "used_usd": plain(row.used_dollars),
            "left_usd": plain(alert.left),
            "starts_at": utc(row.starts_at),
            "resets_at": utc(alert.sum.ends_at),
            "words": alert.text,
            "url": public_url("/buy/limits/"),
        }
    }
    name, key = _BY_PERCENT[row.percent], str(row.pk)
    if alert.is_refusal:  # the same note may tell of the whole sum later, under a name of its own
        name, key = _REFUSAL_EVENT, f"{row.pk}.refused"
    return Event(key, name, alert.name or row.holder, row.raised_at, data)


def try_out_event() -> Event:
    """A message that says nothing happened, to try an address with."""
    said = {"message": "This is a test. Nothing happened."}
    return Event(str(new_id()), TEST_EVENT, "", datetime.now(UTC), said)
