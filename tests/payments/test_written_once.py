"""What is written once stays as it is, whoever asks the database to change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import ProgrammingError, connection, transaction

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


def test_a_step_can_be_marked_as_told_and_not_deleted(make_purchase: Callable[..., Any]) -> None:
    payment_id = make_purchase(final)
    marked = f"update payments_step set told_at = now() where payment_id = '{payment_id}'"
    assert execute(marked) == 4
    with pytest.raises(ProgrammingError, match="append-only"), transaction.atomic():
        execute("delete from payments_step")


def execute(statement: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.rowcount
