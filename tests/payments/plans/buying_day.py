"""The same for buyers: what the pages of whoever holds a robot's wallet ask."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal

from marketplace.buyers.goods import things
from payments.cut_streams import bytes_of, cut_stream_of
from payments.models import Progress, Work
from payments.reports.finding import find, paid_in
from payments.reports.looks import Span
from payments.reports.one_payment import payment_report, repeats_of
from payments.reports.purchases import Sought, purchases
from payments.reports.spend import Outlook, ever, spend, totals
from payments.wallets.payers import Payer
from tests.fixtures.purchases import NETWORK
from tests.payments.plans.filling import ROBOT


def bought() -> None:
    today = datetime.now(UTC).date()
    last_month = today - timedelta(days=29)
    mine = (Payer(ROBOT), Payer("0x" + "cd" * 20))
    listings = ever(mine).since
    assert listings
    things(listings)
    sought = Sought(mine, last_month, today)
    page = purchases(sought).rows
    assert page[0].repeats is None  # it is at the seller still
    listing = next(iter(listings))
    for narrowed in (
        replace(sought, older_than=page[-1].id),
        replace(sought, newer_than=page[-1].id),
        replace(sought, state="final"),
        replace(sought, listing_id=listing, network=NETWORK, at_least=Decimal("0.001")),
    ):
        assert purchases(narrowed).rows
    assert totals(sought).spent
    assert spend(Outlook(mine, Span(last_month, today))).tokens
    final = purchases(replace(sought, state="final")).rows[0]
    report = payment_report(final.id)
    assert report is not None
    repeats_of(report)
    voided = Progress.objects.filter(work=Work.VOID).order_by("payment_id").first()
    assert voided is not None
    cut = cut_stream_of(voided.pk)
    assert cut is not None
    assert len(bytes_of(cut)) == cut.body_bytes
    assert find(mine, str(final.id)).payments == (final.id,)
    assert final.id in (find(mine, final.transaction).payments or ())
    assert final.id in paid_in(mine[0], bytes.fromhex(final.transaction.removeprefix("0x")))
