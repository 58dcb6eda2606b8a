"""What is written once stays as it is, whoever asks the database to change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction

from payments.models import Payment
from tests.fixtures.purchases import Purchases

FACTS = {
    "payment_id": "gen_random_uuid()", "version": "9", "at": "now()", "work": "'void'",
    "money": "'failed'", "why": "'x'", "detail": "'{\"x\": 1}'",
}  # fmt: skip


async def final(purchases: Purchases) -> Any:
    return await purchases.final()


@pytest.mark.parametrize("name", FACTS)
def test_a_steps_facts_cannot_be_changed(make_purchase: Callable[..., Any], name: str) -> None:
    make_purchase(final)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        execute(f"update payments_step set {name} = {FACTS[name]}")


def test_a_step_cannot_be_deleted(make_purchase: Callable[..., Any]) -> None:
    make_purchase(final)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        execute("delete from payments_step")


MAY_CHANGE = {"signature", "caps"}  # each in one way only, as below
OF_A_PAYMENT = [f.column for f in Payment._meta.concrete_fields if f.column not in MAY_CHANGE]


@pytest.mark.parametrize("name", OF_A_PAYMENT)
def test_what_was_bought_cannot_be_changed(make_purchase: Callable[..., Any], name: str) -> None:
    make_purchase(final)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        execute(f"update payments_payment set {name} = {name}, signature = null")


def test_a_signature_is_wiped_and_never_another(make_purchase: Callable[..., Any]) -> None:
    make_purchase(final)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        execute("update payments_payment set signature = '\\x00'")
    assert execute("update payments_payment set signature = null") > 0


def test_a_payment_may_count_in_more_sums_and_never_in_fewer(
    make_purchase: Callable[..., Any],
) -> None:
    make_purchase(final)
    assert execute("update payments_payment set caps = caps || '[\"spent:x\"]'") > 0
    assert execute("update payments_payment set caps = caps, signature = null") > 0
    for fewer in ("'[]'", "'[\"spent:x\"]'", "jsonb_set(caps, '{0}', '\"another\"')"):
        with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
            execute(f"update payments_payment set caps = {fewer}")


def test_a_payment_cannot_be_deleted(make_purchase: Callable[..., Any]) -> None:
    make_purchase(final)
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        execute("delete from payments_payment")


def test_a_receipt_lies_in_its_row(make_purchase: Callable[..., Any]) -> None:
    """Beside it, in pieces, it would be written twice and looked for once more."""
    make_purchase(final)
    with connection.cursor() as cursor:
        cursor.execute(
            "select pg_relation_size(reltoastrelid), (select count(*) from payments_receipt)"
            " from pg_class where oid = 'payments_receipt'::regclass"
        )
        beside, receipts = cursor.fetchone()
    assert receipts > 0
    assert beside == 0


def execute(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.rowcount
