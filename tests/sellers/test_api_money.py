"""Money over the API: by day, by listing, as a file and as a month's statement."""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest
from django.test import Client

from payments import earnings
from sellers.api.schema import document
from sellers.models import Seller
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

    async def buy(purchases: Any) -> None:
        for _ in range(3):
            await purchases.final(purchase=of(weather, "acme/weather"))
        await purchases.final(purchase=of(tides, "acme/tides"))
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
