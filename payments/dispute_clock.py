"""What happens to disputes by itself: they open, their deadlines pass, their refunds are found.

Every row carries its own next check, so whoever rings, and however often, misses nothing.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final, TypeVar

from django.db import connection, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Least, Now
from django.utils import timezone

from payments import disputes, refunds, wiring
from payments.chains import Chain, ChainUnavailable
from payments.ids import first_id
from payments.models import Case, Dispute, Refund, Side
from payments.refund_naming import keep_found
from payments.refund_proof import Sight, Watched, find_exact, look_at
from payments.refunds import Wallets
from payments.states import PAID

log = logging.getLogger(__name__)

AT_ONCE: Final = 50
SEARCH_BLOCKS_MAX: Final = 20_000  # of one look; the next goes on from there
OPENED_DAYS: Final = 30  # how far back payments without an answer are looked for
TAKEN: Final = timedelta(seconds=120)
Asked = TypeVar("Asked")
Told = TypeVar("Told")


def tend(wallets: Wallets) -> int:
    """One ring of the bell; says how many rows were looked at. `wallets`: which are a seller's."""
    opened = open_unanswered()
    due = _take_due()
    for dispute in due:
        _pass_deadline(dispute)
    _search(due, wallets)
    return opened + len(due) + _watch(wallets)


_UNANSWERED = """
    select g.payment_id from payments_progress g
     where g.work = 'void' and g.money = 'confirmed' and g.payment_id >= %s
       and not exists (select from payments_dispute d where d.payment_id = g.payment_id)
       and exists (select from payments_payment p where p.id = g.payment_id
                      and left(p.listing_path, 1) <> '/')
     order by g.payment_id limit %s
"""


def open_unanswered() -> int:
    """Open a case for each payment that is final and was never answered."""
    since = first_id(time.time() - timedelta(days=OPENED_DAYS).total_seconds())
    with connection.cursor() as cursor:
        cursor.execute(_UNANSWERED, (since, AT_ONCE))
        found = [row[0] for row in cursor.fetchall()]
    return sum(disputes.open_unanswered(payment_id) is not None for payment_id in found)


def _take_due() -> list[Dispute]:
    """The cases whose time has come; nobody else takes them up meanwhile."""
    with transaction.atomic():
        due = Dispute.objects.filter(next_check_at__lte=Now()).order_by("next_check_at")
        taken = [each.pk for each in due.select_for_update(skip_locked=True)[:AT_ONCE]]
        Dispute.objects.filter(pk__in=taken).update(next_check_at=Now() + TAKEN)
    return list(Dispute.objects.filter(pk__in=taken).select_related("payment__progress"))


def _pass_deadline(dispute: Dispute) -> None:
    """Move a case whose time is over, or whose payment is gone."""
    if dispute.payment.progress.money not in PAID:
        disputes.move(
            dispute, Case.WITHDRAWN, Side.CHAIN, "The chain took the payment itself back."
        )
    elif dispute.deadline_at is not None and dispute.deadline_at < timezone.now():
        after, text = {
            Case.OPEN: (Case.REVIEW, "The seller did not answer in time."),
            Case.DUE: (Case.REVIEW, "The refund did not come in time."),
            Case.ORDERED: (Case.UNPAID, "The refund was ordered and did not come in time."),
        }[Case(dispute.state)]
        disputes.move(dispute, after, Side.CLOCK, text)


@dataclass(frozen=True, slots=True)
class Sought:
    """What a refund that nobody named would look like, and in which blocks."""

    asset: str
    senders: Collection[str]
    payer: str
    amount_atomic: int
    start: int


def _search(due: Iterable[Dispute], wallets: Wallets) -> None:
    """Look for refunds that nobody named: the exact amount, from a wallet of the seller's."""
    by_network: dict[str, list[Dispute]] = defaultdict(list)
    for dispute in due:
        if dispute.closed_at is None:
            by_network[dispute.payment.network].append(dispute)
    for network, cases in by_network.items():
        sought = [_sought(dispute, wallets) for dispute in cases]
        for dispute, (found, end) in zip(cases, _ask(network, sought, _find_each), strict=False):
            for transaction_hash, transfers in found.items():
                keep_found(dispute, transaction_hash, transfers)
            same = Dispute.objects.filter(pk=dispute.pk, searched_block__lt=end)
            same.update(searched_block=end)
        _look_later(cases)


def _sought(dispute: Dispute, wallets: Wallets) -> Sought:
    payment = dispute.payment
    return Sought(
        payment.asset,
        {payment.pay_to, *wallets(dispute.seller_id, payment.network)},
        payment.payer,
        int(dispute.asked_atomic),
        dispute.searched_block + 1,
    )


async def _find_each(chain: Chain, sought: list[Sought]) -> list[tuple[Counter[bytes], int]]:
    head = await chain.head()
    found: list[tuple[Counter[bytes], int]] = []
    for each in sought:
        end = min(head.number, each.start + SEARCH_BLOCKS_MAX - 1)
        blocks = (each.start, end)
        exact = (
            await find_exact(
                chain, each.asset, each.senders, each.payer, each.amount_atomic, blocks
            )
            if each.start <= end
            else Counter()
        )
        found.append((exact, end))
    return found


def _look_later(cases: list[Dispute]) -> None:
    """When to look again: at the deadline, or when it is worth searching once more."""
    later = Now() + timedelta(seconds=wiring.dispute_terms().search_seconds)
    for dispute in cases:
        same = Dispute.objects.filter(pk=dispute.pk, closed_at__isnull=True)
        same.update(next_check_at=Least(later, Coalesce(F("deadline_at"), later)))


def _watch(wallets: Wallets) -> int:
    """Look at every refund whose time has come."""
    by_network: dict[str, list[Refund]] = defaultdict(list)
    due = refunds.take_due(AT_ONCE)
    for refund in due:
        by_network[refund.network].append(refund)
    for network, group in by_network.items():
        for refund, sight in zip(group, _ask(network, group, _look_at_each), strict=False):
            refunds.judge(refund, sight, wallets)
    return len(due)


async def _look_at_each(chain: Chain, group: list[Refund]) -> list[Sight]:
    agree_above = wiring.network_terms(chain.network).agree_above_atomic
    watched = [_watched(refund) for refund in group]
    return await look_at(chain, watched, agree_above_atomic=agree_above)


def _watched(refund: Refund) -> Watched:
    seen_in = None
    if refund.block_number is not None and refund.block_hash is not None:
        seen_in = (refund.block_number, bytes(refund.block_hash))
    at_stake = int(refund.amount_atomic or refund.payment.amount_atomic)
    return Watched(bytes(refund.transaction), at_stake, seen_in)


def _ask(
    network: str,
    asked: list[Asked],
    question: Callable[[Chain, list[Asked]], Awaitable[list[Told]]],
) -> list[Told]:
    """Ask a network's chain; nothing where it does not answer, or is no longer settled here."""

    async def ask() -> list[Told]:
        chain = wiring.open_chain(network)
        try:
            return await question(chain, asked)
        finally:
            await chain.close()

    if network not in wiring.networks():
        return []
    try:
        return asyncio.run(ask())
    except ChainUnavailable as error:
        log.warning("%s: disputes: %s", network, error)
        return []
