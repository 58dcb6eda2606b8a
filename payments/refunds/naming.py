"""Which transactions may be refunds: those somebody names, and those the worker finds."""

from __future__ import annotations

import re
from typing import Final

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.db.models.functions import Now

from payments.disputes.cases import Denied, DisputeRefused
from payments.models import Dispute, Refund, Side, Work

NAMED_MAX: Final = 20  # transactions of one case, by each side: neither uses the other's up
_HASH = re.compile(r"(?:0x)?([0-9a-fA-F]{64})")
_LIVE = ~Q(state=Refund.Found.REFUSED)


def name(dispute: Dispute, text: str, by: Side) -> Refund:
    """Somebody says which transaction is the refund; the chain is asked about it soon."""
    found = _HASH.fullmatch(text.strip())
    if found is None:
        raise DisputeRefused(
            Denied.POLICY, "a transaction is 0x and 64 hexadecimal digits; look it up in the wallet"
        )
    if dispute.refunds.filter(named_by=by).count() >= NAMED_MAX:
        raise DisputeRefused(
            Denied.POLICY, f"you have named {NAMED_MAX} transactions; that is enough"
        )
    return keep(dispute, bytes.fromhex(found[1]), by)


def keep(dispute: Dispute, transaction_hash: bytes, by: Side) -> Refund:
    """Write a transaction down that may be a refund; naming it twice changes nothing."""
    payment = dispute.payment
    try:
        with transaction.atomic():
            return Refund.objects.create(
                payment_id=payment.pk,
                dispute=dispute,
                seller_id=dispute.seller_id,
                paid_at=payment.created_at,
                is_unanswered=payment.progress.work == Work.VOID,
                network=payment.network,
                asset=payment.asset,
                transaction=transaction_hash,
                named_by=by,
                named_at=Now(),
                state=Refund.Found.NAMED,
                next_check_at=Now(),
            )
    except IntegrityError:
        return Refund.objects.get(_LIVE, payment_id=payment.pk, transaction=transaction_hash)


def keep_found(dispute: Dispute, transaction_hash: bytes, transfers: int) -> None:
    """Nobody named this transaction, and it holds so many transfers that fit; some may be taken."""
    taken = Refund.objects.filter(
        _LIVE, transaction=transaction_hash, network=dispute.payment.network
    )
    if taken.count() < transfers:
        keep(dispute, transaction_hash, Side.CHAIN)
