"""The facts about money have one writer each, and the check that says so can fail."""

import pytest

from tests.architecture.test_import_order import plant
from tests.architecture.writers import violations


def test_each_fact_about_money_has_one_writer(checkout):
    assert violations(checkout) == []


def test_the_writers_themselves_are_recognised(checkout):
    """Were the tables renamed, the rule above would hold of nothing."""
    moves = (checkout / "payments" / "moves.py").read_text()
    ledger = (checkout / "payments" / "ledger.py").read_text()
    assert "update payments_progress" in moves
    assert "insert into payments_transfer" in ledger
    submissions = (checkout / "payments" / "facilitators" / "submissions.py").read_text()
    assert "insert into payments_submission" in submissions
    passing = (checkout / "payments" / "acceptance" / "passing.py").read_text()
    assert "insert into payments_streampart" in passing
    assert "insert into payments_earningsday" in (checkout / "payments" / "earnings.py").read_text()


@pytest.mark.parametrize(
    "line",
    [
        'SQL = "update payments_progress set money = %s where payment_id = %s"',
        'SQL = "UPDATE payments_progress SET next_check_at = null, work = %s"',
        'SQL = f"with x as (update payments_progress g set version = {a} returning 1) select 1"',
        'SQL = "delete from payments_progress where payment_id = %s"',
        'SQL = "insert into payments_progress (payment_id) values (%s)"',
        'SQL = "insert into payments_transfer select 1"',
        'SQL = "update payments_transfer set amount = 0"',
        "Progress.objects.filter(pk=1).update(money='none')",
        "Progress.objects.create(work='open')",
        "Transfer.objects.bulk_create([])",
        "progress.save()",
        "Transfer(amount=1).save()",
        'SQL = "insert into payments_submission (payment_id) values (%s)"',
        'SQL = "update payments_earningsday set payments = 0"',
        'SQL = "insert into payments_streampart select 1"',
        "StreamPart.objects.filter(attempt=1).delete()",
        "OpenOffer.objects.filter(listing_id=1).update(closed_at=None)",
        "drop_rows(OpenOffer.objects.filter(closed_at__lt=1))",
        "listing.save(update_fields=['state'])",
        "Listing.objects.filter(pk=1).update(state='live')",
        'SQL = "update sellers_listing set state = %s where id = %s"',
    ],
)
def test_a_planted_write_is_found(tmp_path, line):
    assert len(violations(plant(tmp_path, {"payments/settling/settlement.py": line}))) == 1


@pytest.mark.parametrize(
    "line",
    [
        "SQL = \"update payments_progress set next_check_at = %s where work = 'open'\"",
        'SQL = "update payments_progress set alone = true returning work, money"',
        'SQL = "select * from payments_transfer"',
        "Progress.objects.filter(work='open').count()",
    ],
)
def test_a_mark_or_a_read_is_let_through(tmp_path, line):
    assert violations(plant(tmp_path, {"payments/settling/settlement.py": line})) == []
