"""`manage.py export payments` writes the whole site's books, in a buyer's own columns."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import CommandError, call_command

from payments.books import COLUMNS
from payments.reports import whole_site
from sellers.profile.directory import open_seller
from tests.fixtures.purchases import NETWORK


def export(*arguments: str) -> str:
    said = io.StringIO()
    call_command("export", "payments", *arguments, stdout=said)
    return said.getvalue()


def payments_in(text: str) -> list[str]:
    return [row["payment"] for row in csv.DictReader(io.StringIO(text))]


def test_every_payment_is_one_line_whoever_made_it(make_purchase: Any) -> None:
    acme = open_seller("acme")
    made = [
        make_purchase(lambda purchases: purchases.final(purchase={"seller_id": acme.pk})),
        make_purchase(lambda purchases: purchases.claim()),
        make_purchase(lambda purchases: purchases.final(purchase={"seller_id": acme.pk})),
    ]
    text = export()
    assert text.splitlines()[0] == ",".join(COLUMNS)
    assert payments_in(text) == [str(each) for each in made]
    assert payments_in(export("--seller", "acme")) == [str(made[0]), str(made[2])]
    assert payments_in(export("--network", NETWORK)) == [str(each) for each in made]
    assert payments_in(export("--network", "eip155:8453")) == []
    first = json.loads(export("--json"))[0]
    assert (first["payment"], first["gross"]) == (str(made[0]), "0.002")
    with patch.object(whole_site, "ROWS_AT_ONCE", 1):  # a page each, by either walk
        assert payments_in(export()) == [str(each) for each in made]
        assert payments_in(export("--seller", "acme")) == [str(made[0]), str(made[2])]


def test_days_outside_are_left_out(make_purchase: Any) -> None:
    made = make_purchase(lambda purchases: purchases.final())
    today = datetime.now(UTC).date()
    yesterday, tomorrow = today - timedelta(days=1), today + timedelta(days=1)
    assert payments_in(export("--from", f"{yesterday}", "--to", f"{tomorrow}")) == [str(made)]
    assert payments_in(export("--to", f"{yesterday - timedelta(days=1)}")) == []
    assert payments_in(export("--from", f"{tomorrow}", "--to", f"{tomorrow}")) == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--seller", "nobody"), "Nobody sells here as nobody"),
        (("--network", "eip155:0"), "no network"),
        (("--from", "2026-02-01", "--to", "2026-01-01"), "is after"),
        (("--from", "soon"), "no day"),
    ],
)
@pytest.mark.django_db
def test_a_wrong_word_is_named(arguments: tuple[str, ...], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        export(*arguments)
