"""Money over the API: by day, by listing, as a file and as a month's statement."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from django.test import Client

from payments import earnings
from payments.models import ChallengeDay
from payments.reports.funnel import times_quoted
from payments.reports.looks import Look, Span
from sellers import listings
from sellers.api.schema import document
from sellers.drafts import finish
from sellers.models import Payout, Seller
from sellers.prices import Ask
from tests.fixtures.cast import Cast
from tests.fixtures.hooks import sign_up
from tests.fixtures.programs import Program, program_of
from tests.fixtures.storefront import NETWORK, Storefront


@pytest.fixture
def robot(seller: Seller) -> Program:
    return program_of(seller)


@pytest.fixture
def month(seller: Seller, storefront: Storefront, make_purchase: Any) -> str:
    """Three calls of one listing, one of another, and one of somebody else's; and their month."""
    weather = storefront.publish("acme/weather")
    tides = storefront.publish("acme/tides", title="=Tides")

    def of(listing: Any, path: str) -> dict[str, Any]:
        title = listing.live_revision.terms["title"]
        return {"seller_id": seller.pk, "listing_id": listing.pk, "listing_path": path,
                "title": title}  # fmt: skip

    mine = {"pay_to": Cast.seller.address}

    async def buy(purchases: Any) -> None:
        for _ in range(3):
            await purchases.final(**mine, purchase=of(weather, "acme/weather"))
        await purchases.final(**mine, purchase=of(tides, "acme/tides"))
        await purchases.final()  # somebody else's
        await earnings.count(purchases.pool)

    make_purchase(buy)
    return f"{datetime.now(UTC):%Y-%m}"


def test_sums_by_day_and_by_listing(robot: Program, month: str) -> None:
    (token,) = robot("GET", "/earnings").document["tokens"]
    (day,) = robot("GET", "/earnings/by-time").document["items"]
    assert (day["sales"], day["confirmed_atomic"]) == (4, "8000")
    assert day | {"start": ""} == token | {"start": ""}
    months = robot("GET", "/earnings/by-time?step=month").document
    assert (months["step"], months["items"][0]["start"]) == ("month", f"{month}-01")
    listings = robot("GET", "/earnings/by-listing").document["items"]
    assert [(each["slug"], each["sales"], each["confirmed_atomic"]) for each in listings] == [
        ("weather", 3, "6000"), ("tides", 1, "2000"),
    ]  # fmt: skip
    one = f"/earnings/by-time?listing={listings[1]['listing']}"
    assert robot("GET", one).document["items"][0]["sales"] == 1
    assert robot("GET", "/earnings/by-listing?network=eip155:1").document["items"] == []
    refused = robot("GET", "/earnings/by-time?step=hour")
    assert (refused.status, refused.document["field"]) == (422, "step")


def test_days_are_asked_for_within_those_that_are_kept(robot: Program) -> None:
    today = datetime.now(UTC).date()
    for path in ("/earnings", "/earnings/by-time", "/earnings/by-listing", "/buyers", "/payments"):
        for name, day in (("last", "9999-12-31"), ("last", "0001-01-05"), ("first", "2019-12-31")):
            refused = robot("GET", f"{path}?{name}={day}")
            assert (refused.status, refused.document["field"]) == (422, name), path
        near = robot("GET", f"{path}?first=2020-01-01&last={today + timedelta(days=1)}")
        assert near.status == 200, path


def test_a_months_statement(robot: Program, seller: Seller, month: str) -> None:
    said = robot("GET", f"/statements/{month}").document
    assert (said["seller"], said["first"], said["over"]) == ("acme", f"{month}-01", False)
    (token,) = said["tokens"]
    assert (token["network"], token["confirmed_atomic"]) == (NETWORK, "8000")
    assert (token["paid_to"], token["days"][0]["sales"]) == ([Cast.seller.address], 4)
    assert [each["slug"] for each in said["listings"]] == ["tides", "weather"]
    page = Client()
    assert seller.owner is not None
    page.force_login(seller.owner)
    shown = page.get(f"/sell/earnings/statements/{month}").content.decode()
    assert "=Tides" in shown
    assert "0.008 USDC" in shown
    assert f"{said['unique_buyers']} wallet" in shown
    for wrong in ("2026-13", "x", "2026-1", "9999-12"):
        assert robot("GET", f"/statements/{wrong}").status == 404


def test_a_statement_names_the_wallets_that_were_paid_and_no_others(
    robot: Program, seller: Seller, storefront: Storefront, make_purchase: Any, month: str
) -> None:
    other = Cast.other_seller.address
    Payout.objects.create(seller=seller, address=other, proof={})
    weather = seller.listings.get(slug="weather")
    asked = storefront.draft(prices=[Ask("0.002", NETWORK, other)])
    listings.propose(weather.pk, finish(asked, storefront.site))  # and nobody approves it

    def paid_to() -> list[str]:
        (token,) = robot("GET", f"/statements/{month}").document["tokens"]
        return list(token["paid_to"])

    assert paid_to() == [Cast.seller.address]
    storefront.revise(weather, prices=asked.prices)
    assert paid_to() == [Cast.seller.address], "nobody has paid it"

    async def not_charged(purchases: Any) -> None:
        await purchases.void(await purchases.claim(pay_to=other, purchase=bought))
        await earnings.count(purchases.pool)

    async def buy(purchases: Any) -> None:
        await purchases.answer(await purchases.claim(pay_to=other, purchase=bought))
        await earnings.count(purchases.pool)

    bought = {
        "seller_id": seller.pk, "listing_id": weather.pk, "listing_path": "acme/weather",
        "title": "Weather",
    }  # fmt: skip
    make_purchase(not_charged)
    assert paid_to() == [Cast.seller.address], "no money moved"
    make_purchase(buy)
    assert paid_to() == sorted([Cast.seller.address, other])


def test_every_payment_as_a_file(robot: Program, seller: Seller, month: str) -> None:
    headers = {"Authorization": f"Bearer {robot.key}", "Accept": "text/csv"}
    answer = Client().get("/api/sell/payments.csv", headers=headers)
    assert answer.streaming
    assert answer["Content-Type"] == "text/csv"
    assert answer["Content-Disposition"].startswith('attachment; filename="acme-')
    rows = list(csv.DictReader(io.StringIO(b"".join(answer).decode())))
    assert sorted(row["listing"] for row in rows) == ["acme/tides", *["acme/weather"] * 3]
    assert {row["title"] for row in rows if row["listing"] == "acme/tides"} == {"'=Tides"}
    refused = Client().get("/api/sell/payments.csv?first=x", headers=headers)
    assert (refused.status_code, refused.json()["field"]) == (422, "first")
    headers["Authorization"] = f"Bearer {program_of(seller, 'listings:read').key}"
    refused = Client().get("/api/sell/payments.csv", headers=headers)
    assert (refused.status_code, refused.json()["scope"]) == (403, "money:read")


def test_another_seller_sees_none_of_it(month: str) -> None:
    rival = program_of(sign_up("rival"))
    for path in ("/earnings/by-time", "/earnings/by-listing"):
        assert rival("GET", path).document["items"] == []
    said = rival("GET", f"/statements/{month}").document
    assert (said["tokens"], said["listings"], said["unique_buyers"]) == ([], [], 0)


def test_how_often_a_listing_was_quoted_is_for_its_seller_alone(
    robot: Program, seller: Seller, storefront: Storefront
) -> None:
    today = datetime.now(UTC).date()
    weather, tides = (storefront.publish(f"acme/{slug}").pk for slug in ("weather", "tides"))
    for listing, times in ((weather, 41), (tides, 5)):
        ChallengeDay.objects.create(listing_id=listing, day=today, challenges=times)
    assert robot("GET", "/earnings").document["quoted"] == 46
    assert robot("GET", f"/earnings?listing={weather}").document["quoted"] == 41
    rival = sign_up("rival")
    answers = [
        program_of(rival)("GET", f"/{path}?listing={which}")
        for path in ("earnings", "earnings/by-time", "earnings/by-listing", "payments", "buyers")
        for which in (weather, uuid4())
    ]
    assert {answer.status for answer in answers} == {404}
    assert all(answer.document == answers[0].document for answer in answers)
    assert times_quoted(Look(rival.pk, Span(today, today), weather), []) == 0


def test_each_answer_has_the_shape_that_the_schema_says(robot: Program, month: str) -> None:
    served = document()
    for path in ("/earnings/by-time", "/earnings/by-listing", "/statements/{month}"):
        said = served["paths"][f"/api/sell{path}"]["get"]["responses"]["200"]
        shape = said["content"]["application/json"]["schema"]
        jsonschema.validate(
            robot("GET", path.format(month=month)).document,
            {**shape, "components": served["components"]},
            cls=jsonschema.Draft202012Validator,
        )
    file = served["paths"]["/api/sell/payments.csv"]["get"]["responses"]
    assert list(file["200"]["content"]) == ["text/csv"]
    assert list(file["422"]["content"]) == ["application/json"]
