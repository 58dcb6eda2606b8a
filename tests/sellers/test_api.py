"""The API for sellers: what it does, what it refuses, and how it says so."""

from __future__ import annotations

import re
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from decimal import Decimal
from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from django.db import connections
from django.test import Client
from eth_account.messages import encode_defunct

from payments import earnings
from payments.models import Payment
from sellers.api.access import BODY_BYTES_MAX
from sellers.api.problems import problem
from sellers.api.schema import document
from sellers.drafting import fetches
from sellers.grading.checks import REQUIRED, Check
from sellers.models import Listing, Proposal, Repeat, Seller, UpstreamSecret, Verdict, Webhook
from sellers.notices import notify
from sellers.programs import keys
from sellers.refusals import Why
from sellers.reviews import judging
from sellers.secrets import Vault
from tests.fixtures import upstream
from tests.fixtures.cast import Cast, Person
from tests.fixtures.hooks import Hooks, is_signed, sign_up
from tests.fixtures.programs import Program, program_of
from tests.fixtures.storefront import NETWORK, Storefront

SECRET = "s3cr3t-canary-value"


@pytest.fixture
def robot(seller: Seller) -> Program:
    return program_of(seller)


@pytest.fixture
def terms(hooks: Hooks) -> dict[str, Any]:
    """An ordinary listing, as a program describes it."""
    return {
        "upstream_url": f"{hooks.receiver.url}/weather",
        "title": "City weather",
        "description": "The weather of a city now.",
        "sample": {"json": {"celsius": 21}},
        "example": {"query": {"city": "Oslo"}},
        "prices": [{"dollars": "0.01", "network": NETWORK, "pay_to": Cast.seller.address}],
        "tags": ["weather"],
    }


def approve(listing_id: str) -> None:
    listing = Listing.objects.get(pk=listing_id)
    assert listing.proposed_revision is not None
    judging.approve(listing.pk, bytes(listing.proposed_revision.hash), grace_seconds=0)


def test_a_listing_goes_its_whole_life(robot: Program, terms: dict[str, Any]) -> None:
    made = robot("POST", "/listings", {**terms, "slug": "weather"})
    assert made.status == 201
    assert (made.document["path"], made.document["state"]) == ("acme/weather", "draft")
    assert made.document["proposed"]["prices"][0]["dollars"] == "0.01"
    assert made.document["proposed"]["terms"]["title"] == "City weather"
    here = f"/listings/{made.document['id']}"
    assert robot("POST", f"{here}/submit").document["state"] == "in_review"
    approve(made.document["id"])
    assert robot("GET", here).document["live"]["number"] == 1
    other = robot("POST", f"{here}/propose", {**terms, "title": "Better weather"}).document
    assert (other["live"]["title"], other["proposed"]["title"]) == (
        "City weather",
        "Better weather",
    )
    assert robot("POST", f"{here}/pause").document["state"] == "paused"
    assert robot("POST", f"{here}/resume").document["state"] == "live"
    past = robot("GET", f"{here}/history").document["items"]
    assert [(one["number"], one["live"], one["proposed"]) for one in past] == [
        (2, False, True), (1, True, False),
    ]  # fmt: skip
    assert past[0]["changed"] == ["service_name", "title"]
    assert robot("POST", f"{here}/retire").document["state"] == "retired"
    refused = robot("POST", f"{here}/resume")
    assert (refused.status, refused.document["error"]) == (409, "wrong_state")


@pytest.mark.parametrize(
    ("changed", "status", "error", "field"),
    [
        ({"title": ""}, 422, "bad_field", "title"),
        ({"title": None}, 422, "bad_field", "title"),
        ({"upstream_url": "https://10.0.0.1/"}, 422, "bad_field", "upstream_url"),
        ({"prices": []}, 422, "bad_field", "price"),
        ({"prices": [{"network": NETWORK, "pay_to": "0x"}]}, 422, "bad_field", "prices.0.dollars"),
        ({"sample": {}}, 422, "bad_field", "sample"),
        ({"sample": {"json": 1, "body": "1"}}, 422, "bad_field", "sample"),
        ({"method": "TRACE"}, 422, "bad_field", "method"),
        ({"slug": "No Slug"}, 422, "bad_field", "slug"),
        ({"slug": "taken"}, 409, "slug_taken", "slug"),
        ({"secret_headers": {"x-key": "two\nlines"}}, 422, "bad_field", "x-key"),
        ({"secret_headers": {"Host": "inside"}}, 422, "bad_field", "secret_headers"),
        ({"secret_headers": {"x_souk_payer": "0x1"}}, 422, "bad_field", "secret_headers"),
        ({"forward_headers": ["Authorization"]}, 422, "bad_field", "forward_headers"),
    ],
)
def test_what_is_wrong_is_named_and_changes_nothing(
    robot: Program,
    terms: dict[str, Any],
    storefront: Storefront,
    changed: dict[str, Any],
    status: int,
    error: str,
    field: str,
) -> None:
    storefront.publish("acme/taken")
    said = robot("POST", "/listings", {**terms, "slug": "weather", **changed})
    assert (said.status, said.document["error"], said.document["field"]) == (status, error, field)
    assert said.document["detail"]
    assert said.document["fix"]
    assert "two\nlines" not in str(said.document)
    assert Listing.objects.count() == 1


def test_secrets_go_in_and_never_out(hooks: Hooks, robot: Program, terms: dict[str, Any]) -> None:
    given = {**terms, "slug": "weather", "secret_headers": {"X-Key": SECRET}}
    made = robot("POST", "/listings", given, Idempotency_Key="one")
    again = robot("POST", "/listings", given, Idempotency_Key="one")
    assert made.status == again.status == 201
    sealed = bytes(UpstreamSecret.objects.get().sealed)
    assert Vault(hooks.site.secrets_keys).open(Listing.objects.get().pk, "x-key", sealed) == SECRET
    assert SECRET not in str([made.document, again.document])
    assert SECRET not in str(list(Repeat.objects.values()))
    here = f"/listings/{made.document['id']}"
    robot("POST", f"{here}/submit")
    approve(made.document["id"])
    other = {**terms, "title": "Better weather"}
    refused = robot("POST", f"{here}/propose", {**other, "secret_headers": {"x-key": "new"}})
    assert (refused.status, refused.document["field"]) == (422, "secret_headers.x-key")
    kept = robot("POST", f"{here}/propose", {**other, "secret_headers": {"x-key": None}})
    assert kept.status == 200
    assert bytes(UpstreamSecret.objects.get().sealed) == sealed
    assert robot("POST", f"{here}/secret", {"name": "x-other", "value": "v"}).status == 422
    assert robot("POST", f"{here}/secret", {"name": "X-Key", "value": "new"}).status == 200
    sealed = bytes(UpstreamSecret.objects.get().sealed)
    assert Vault(hooks.site.secrets_keys).open(Listing.objects.get().pk, "x-key", sealed) == "new"


def test_the_same_creation_is_done_once(robot: Program, terms: dict[str, Any]) -> None:
    given = {**terms, "slug": "weather"}
    first = robot("POST", "/listings", given, Idempotency_Key="abc")
    second = robot("POST", "/listings", given, Idempotency_Key="abc")
    assert first.document == second.document
    assert "Idempotent-Replay" not in first.headers
    assert second.headers["Idempotent-Replay"] == "true"
    other = robot("POST", "/listings", {**given, "slug": "other"}, Idempotency_Key="abc")
    assert (other.status, other.document["error"]) == (409, "key_reused")
    assert Listing.objects.count() == 1
    odd = robot("POST", "/listings", given, Idempotency_Key="a b")
    assert (odd.status, odd.document["field"]) == (422, "Idempotency-Key")


def test_a_refused_creation_can_be_mended_under_its_name(
    robot: Program, terms: dict[str, Any]
) -> None:
    wrong = robot("POST", "/listings", {**terms, "slug": "No"}, Idempotency_Key="abc")
    assert wrong.status == 422
    assert robot("POST", "/listings", {**terms, "slug": "no"}, Idempotency_Key="abc").status == 201


def test_twins_at_once_create_one(robot: Program, terms: dict[str, Any]) -> None:
    given = {**terms, "slug": "weather"}

    def create(_: int) -> Any:
        try:
            return robot("POST", "/listings", given, Idempotency_Key="abc")
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as threads:
        said = list(threads.map(create, range(4)))
    assert {one.status for one in said} == {201}
    assert len({one.document["id"] for one in said}) == 1
    assert Listing.objects.count() == 1


def test_two_sellers_may_use_the_same_name(robot: Program, terms: dict[str, Any]) -> None:
    rival = program_of(sign_up("rival"))
    given = {**terms, "slug": "weather"}
    mine = robot("POST", "/listings", given, Idempotency_Key="abc").document
    theirs = rival("POST", "/listings", given, Idempotency_Key="abc").document
    assert (mine["path"], theirs["path"]) == ("acme/weather", "rival/weather")


def test_a_webhook_over_the_api(hooks: Hooks, robot: Program) -> None:
    given = {"url": f"{hooks.receiver.url}/told", "events": ["payment.paid"]}
    made = robot("POST", "/webhooks", given, Idempotency_Key="one")
    assert made.status == 201
    secret = made.document["secret"]
    again = robot("POST", "/webhooks", given, Idempotency_Key="one")
    assert (again.document["id"], again.document["secret"]) == (made.document["id"], None)
    assert secret not in str(list(Repeat.objects.values()))
    here = f"/webhooks/{made.document['id']}"
    assert "secret" not in robot("GET", here).document
    assert robot("POST", f"{here}/test").status == 202
    hooks.send()
    assert is_signed(hooks.receiver.calls[0], secret)
    (sent,) = robot("GET", f"{here}/deliveries").document["items"]
    assert (sent["state"], sent["attempts"][0]["status"]) == ("delivered", 200)
    whole = robot("GET", f"/deliveries/{sent['id']}").document
    assert whole["body"]["type"] == "webhook.test"
    assert robot("POST", f"/deliveries/{sent['id']}/resend").document["state"] == "waiting"
    hooks.send()
    assert len(hooks.receiver.calls) == 2
    turned = robot("POST", f"{here}/rotate", Idempotency_Key="two")
    assert (turned.status, turned.document["secret"] == secret) == (200, False)
    assert turned.document["both_secrets_until"]
    again = robot("POST", f"{here}/rotate", Idempotency_Key="two")
    assert (again.status, again.document) == (200, turned.document | {"secret": None})
    robot("POST", f"{here}/test")
    hooks.send()
    assert is_signed(hooks.receiver.calls[-1], secret), "the one in use is not pushed out"
    off = robot("PATCH", here, {"enabled": False, "events": ["payment.final"]}).document
    assert (off["enabled"], off["events"]) == (False, ["payment.final"])
    assert robot("POST", f"{here}/test").document["error"] == "wrong_state"
    assert robot("PATCH", here, {"enabled": True}).document["enabled"] is True
    inside = robot("PATCH", here, {"url": "https://127.0.0.1/"})
    assert (inside.status, inside.document["field"]) == (422, "url")
    assert robot("DELETE", here).status == 204
    assert robot("GET", here).status == 404


def test_long_lists_come_in_pages(robot: Program, storefront: Storefront) -> None:
    for number in range(5):
        storefront.publish(f"acme/weather-{number}")
    seen, address = [], "/listings?limit=2"
    while address:
        page = robot("GET", address).document
        assert len(page["items"]) <= 2
        seen += [one["slug"] for one in page["items"]]
        address = (page["next"] or "").partition("/api/sell")[2]
    assert seen == [f"weather-{number}" for number in (4, 3, 2, 1, 0)]
    for wrong in ("limit=0", "limit=1000", "limit=x", "limit=00000000" + "1" * 5_000, "before=x"):
        assert robot("GET", f"/listings?{wrong}").status == 422


@pytest.mark.parametrize(
    "header",
    ["", "Bearer", "Bearer souk_" + "A" * 43, "Basic {key}", "{key}", "Bearer {key}x"],
)
def test_every_wrong_key_gets_the_same_answer(robot: Program, seller: Seller, header: str) -> None:
    browser = Client()
    browser.force_login(seller.owner)  # a cookie opens nothing here
    said = [
        browser.get(f"/api/sell/{path}", headers={"Authorization": header.format(key=robot.key)})
        for path in ("me", "listings", f"listings/{uuid4()}", "nowhere/at/all")
    ]
    assert {one.status_code for one in said} == {401}
    assert len({one.content for one in said}) == 1
    assert said[0]["WWW-Authenticate"] == 'Bearer realm="seller"'
    assert "no-store" in said[0]["Cache-Control"]
    assert said[0].json()["error"] == "not_authenticated"
    assert "/sell/keys" in said[0].json()["fix"]


def test_a_revoked_key_is_one_of_them(robot: Program, seller: Seller) -> None:
    assert robot("GET", "/me").document["seller"] == "acme"
    keys.revoke(seller, keys.keys_of(seller).get().pk)
    assert robot("GET", "/me").status == 401


def test_a_missing_scope_is_named(seller: Seller, terms: dict[str, Any]) -> None:
    reader = program_of(seller, "listings:read")
    assert reader("GET", "/listings").status == 200
    for method, path, scope in (
        ("POST", "/listings", "listings:write"),
        ("GET", "/webhooks", "webhooks:read"),
        ("POST", "/webhooks", "webhooks:write"),
        ("GET", "/payouts", "money:read"),
    ):
        said = reader(method, path, {**terms, "slug": "weather"} if method == "POST" else None)
        assert (said.status, said.document["scope"]) == (403, scope)
    assert not Listing.objects.exists()
    assert not Webhook.objects.exists()


def test_odd_requests_are_refused_in_the_one_shape(robot: Program) -> None:
    for said, status in (
        (robot("PUT", "/listings", {}), 405),
        (robot("GET", "/nowhere"), 404),
        (robot("POST", "/webhooks", "x" * BODY_BYTES_MAX), 413),
        (robot("POST", "/webhooks", [1]), 422),
        (robot("GET", "/me", Accept="text/html"), 406),
    ):
        assert said.status == status
        assert set(said.document) >= {"error", "detail", "fix"}
    headers = {"Authorization": f"Bearer {robot.key}"}
    for body, content_type, status in (
        ("{", "application/json", 400),
        ("[" * 100_000, "application/json", 400),
        ('{"url": NaN}', "application/json", 400),
        ("url=x", "application/x-www-form-urlencoded", 415),
    ):
        sent = Client().post("/api/sell/webhooks", body, content_type=content_type, headers=headers)
        assert sent.status_code == status
        assert set(sent.json()) >= {"error", "detail", "fix"}


def test_a_key_has_a_rate(robot: Program, settings: Any) -> None:
    settings.API_CALLS_PER_MINUTE = 2
    said = [robot("GET", "/me") for _ in range(3)]
    assert [one.status for one in said] == [200, 200, 429]
    assert int(said[2].headers["Retry-After"]) > 0
    assert [one.headers["RateLimit-Remaining"] for one in said] == ["1", "0", "0"]
    assert {one.headers["RateLimit-Limit"] for one in said} == {"2"}
    assert said[2].document["error"] == "throttled"


def test_the_rest_that_can_be_asked(robot: Program, seller: Seller, storefront: Storefront) -> None:
    storefront.publish("acme/weather")
    storefront.publish("rival/weather")
    (network,) = robot("GET", "/networks").document["items"]
    assert (network["network"], network["price_floor"]) == (NETWORK, "0.001")
    (payout,) = robot("GET", "/payouts").document["items"]
    assert payout["listings"] == ["weather"]
    notice = notify(seller.pk, "Look", "at this")
    assert robot("GET", "/notices").document["items"][0]["id"] == str(notice.pk)
    assert robot("POST", f"/notices/{notice.pk}/seen").status == 204
    assert robot("GET", "/notices").document["items"] == []


def test_the_money_over_the_api(
    robot: Program, seller: Seller, storefront: Storefront, make_purchase: Any
) -> None:
    listing = storefront.publish("acme/weather")
    mine = {"seller_id": seller.pk, "listing_id": listing.pk, "listing_path": "acme/weather"}

    async def buy(purchases: Any) -> None:
        for _ in range(3):
            await purchases.final(purchase=mine)
        await purchases.final()  # somebody else's
        await earnings.count(purchases.pool)

    make_purchase(buy)
    earned = robot("GET", "/earnings").document
    assert (earned["paid"], earned["settled"]) == (3, 3)
    assert earned["tokens"][0]["confirmed_atomic"] == "6000"
    page = robot("GET", "/payments?limit=2").document
    assert len(page["items"]) == 2
    rest = robot("GET", page["next"].partition("/api/sell")[2]).document
    assert (len(rest["items"]), rest["next"]) == (1, None)
    sale = page["items"][0]
    assert (sale["state"], sale["amount"], sale["listing"]) == (
        "final",
        "0.002 USDC",
        "acme/weather",
    )
    whole = robot("GET", f"/payments/{sale['id']}").document
    assert [step["state"] for step in whole["steps"]] == ["at_seller", "ready", "paid", "final"]
    others = Payment.objects.exclude(seller_id=seller.pk).get()
    assert robot("GET", f"/payments/{others.pk}").status == 404
    for wrong in ("first=x", "first=2026-02-01&last=2026-01-01", "listing=x"):
        assert robot("GET", f"/earnings?{wrong}").status == 422


def test_a_document_becomes_drafts(robot: Program, seller: Seller) -> None:
    document = """
openapi: 3.1.0
info: {title: Weather, version: "1"}
servers: [{url: "https://api.example"}]
paths:
  /weather:
    get:
      summary: City weather
      description: The weather of a city now.
      parameters: [{name: city, in: query, example: Oslo, schema: {type: string}}]
      responses: {"200": {description: ok, content: {application/json: {example: {celsius: 4}}}}}
"""
    (found,) = robot("POST", "/import/read", {"document": document}).document["operations"]
    assert found["operation"] == "GET /weather"
    assert found["terms"]["upstream_url"] == "https://api.example/weather"
    assert found["has_address"] is True
    pasted = document.replace("https://api.example", "/v1")
    (lost,) = robot("POST", "/import/read", {"document": pasted}).document["operations"]
    assert (lost["has_address"], lost["terms"]["upstream_url"]) == (False, "/v1/weather")
    told = {"document": pasted, "base_url": "https://b.example"}
    (given,) = robot("POST", "/import/read", told).document["operations"]
    assert given["terms"]["upstream_url"] == "https://b.example/v1/weather"
    assert not seller.worksheets.exists()
    price = {"dollars": "0.01", "network": NETWORK, "pay_to": Cast.seller.address}
    whole = {**found["terms"], "slug": "weather", "prices": [price]}
    assert robot("POST", "/listings", whole).status == 201
    chosen = {"document": document, "operations": ["GET /weather"]}
    made = robot("POST", "/import", chosen, Idempotency_Key="one")
    assert robot("POST", "/import", chosen, Idempotency_Key="one").document == made.document
    assert made.document["drafts"][0]["draft"] == str(seller.worksheets.get().pk)
    assert made.document["drafts"][0]["has_address"] is True
    for wrong, field in (
        ({**chosen, "operations": ["GET /other"]}, "operations.0"),
        ({"operations": ["x"]}, "document"),
        ({**chosen, "document": "nothing"}, "document"),
        ({"fetch": str(uuid4()), "operations": ["x"]}, "fetch"),
    ):
        said = robot("POST", "/import", wrong)
        assert (said.status, said.document["field"]) == (422, field)


def test_a_document_is_fetched_by_the_worker(robot: Program, hooks: Hooks, seller: Seller) -> None:
    document = b"""{"openapi": "3.1.0", "servers": [{"url": "https://api.example"}],
        "paths": {"/weather": {"get": {"summary": "City weather", "responses": {}}}}}"""
    hooks.receiver.on("/openapi.json", upstream.answer(document))
    said = robot("POST", "/import/fetch", {"url": "https://10.0.0.1/"})
    assert (said.status, said.document["field"]) == (422, "url")
    asked = robot("POST", "/import/fetch", {"url": f"{hooks.receiver.url}/openapi.json"})
    assert (asked.status, asked.document["state"]) == (202, "waiting")
    early = robot("POST", "/import/read", {"fetch": asked.document["id"]})
    assert (early.status, early.document["field"]) == (422, "fetch")
    fetches.run_due(hooks.site)
    assert robot("GET", f"/import/fetch/{asked.document['id']}").document["state"] == "good"
    (found,) = robot("POST", "/import/read", {"fetch": asked.document["id"]}).document["operations"]
    assert found["operation"] == "GET /weather"
    rival = program_of(sign_up("rival"))
    assert rival("GET", f"/import/fetch/{asked.document['id']}").status == 404
    assert rival("POST", "/import/read", {"fetch": asked.document["id"]}).status == 422


@pytest.mark.parametrize("why", list(Why))
def test_every_refusal_says_what_to_do(why: Why) -> None:
    assert problem(why, "no")["fix"].endswith(".")


def test_an_unproven_wallet_is_named_with_the_way_to_prove_it(
    robot: Program, terms: dict[str, Any]
) -> None:
    elsewhere = [{**price, "pay_to": Cast.buyer.address} for price in terms["prices"]]
    made = robot("POST", "/listings", {**terms, "slug": "weather", "prices": elsewhere}).document
    said = robot("POST", f"/listings/{made['id']}/submit")
    assert (said.status, said.document["error"]) == (409, "payout_unproven")
    assert "/payouts/prove" in said.document["fix"]


def test_a_proposal_is_withdrawn_over_the_api(robot: Program, terms: dict[str, Any]) -> None:
    made = robot("POST", "/listings", {**terms, "slug": "weather"}).document
    here = f"/listings/{made['id']}"
    robot("POST", f"{here}/submit")
    back = robot("POST", f"{here}/withdraw").document
    assert (back["state"], back["submitted_at"]) == ("draft", None)
    assert back["proposed"]["title"] == "City weather"
    robot("POST", f"{here}/submit")
    approve(made["id"])
    other = {**terms, "title": "A slip"}
    for take_back, sent in (("withdraw", None), ("propose", terms), ("withdraw", None)):
        robot("POST", f"{here}/propose", other)
        assert robot("POST", f"{here}/submit").document["submitted_at"]
        said = robot("POST", f"{here}/{take_back}", sent)
        assert (said.status, said.document["state"]) == (200, "live")
        assert (said.document["proposed"], said.document["submitted_at"]) == (None, None)
    assert robot("POST", f"{here}/withdraw").status == 200, "twice changes nothing"
    same = robot("POST", f"{here}/propose", terms)
    assert (same.status, same.document["error"]) == (409, "unchanged")
    draft = robot("POST", f"{here}/draft").document
    assert draft["typed"]["title"] == "City weather"
    robot("POST", f"{here}/retire")
    assert robot("POST", f"{here}/withdraw").document["error"] == "wrong_state"


def test_a_direct_submission_leaves_its_checklist_to_the_moderator(
    robot: Program, terms: dict[str, Any]
) -> None:
    made = robot("POST", "/listings", {**terms, "slug": "weather"}).document
    here = f"/listings/{made['id']}"
    assert robot("POST", f"{here}/submit").document["state"] == "in_review"
    seen = Proposal.objects.get()
    failing = {check["check"] for check in seen.checks if not check["passed"]}
    assert {"upstream-live", "tested"} <= failing, "nobody looked, and that is said"
    assert all(check["severity"] == "advisory" for check in seen.checks if not check["passed"])
    listed = robot("GET", f"{here}/checklist").document
    assert (listed["valid"], len(listed["preflight"])) == (True, len(seen.checks))
    robot("POST", f"{here}/submit")
    assert Proposal.objects.get().at == seen.at, "twice changes nothing"


def test_a_direct_submission_that_fails_a_required_check_is_none(
    robot: Program, terms: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = Check("description-500", False, REQUIRED, "it fits everywhere", "500", "501")
    monkeypatch.setattr("sellers.reviews.submitting.checks_of_proposal", lambda *_: [wrong])
    made = robot("POST", "/listings", {**terms, "slug": "weather"}).document
    said = robot("POST", f"/listings/{made['id']}/submit")
    assert (said.status, said.document["field"]) == (422, "checklist")
    assert "it fits everywhere; found 501" in said.document["detail"]
    assert Listing.objects.get().state == Listing.State.DRAFT
    assert not Proposal.objects.exists()


def test_new_terms_are_accepted_before_a_program_submits(
    robot: Program, terms: dict[str, Any], settings: Any
) -> None:
    made = robot("POST", "/listings", {**terms, "slug": "weather"}).document
    settings.TERMS_DATE = date(2027, 3, 1)
    said = robot("POST", f"/listings/{made['id']}/submit")
    assert (said.status, said.document["error"]) == (409, "terms_changed")
    assert Listing.objects.get().state == Listing.State.DRAFT


def test_small_changes_of_a_known_seller_are_approved_by_rules_when_submitted_directly(
    robot: Program, terms: dict[str, Any], settings: Any
) -> None:
    settings.AUTO_APPROVE_BELOW, settings.AUTO_APPROVE_AFTER = Decimal("0.05"), 0
    made = robot("POST", "/listings", {**terms, "slug": "weather"}).document
    here = f"/listings/{made['id']}"
    robot("POST", f"{here}/submit")
    assert not Verdict.objects.exists(), "money would go somewhere new"
    approve(made["id"])
    robot("POST", f"{here}/propose", {**terms, "title": "Better weather"})
    robot("POST", f"{here}/submit")
    assert Verdict.objects.get().by_rules


def test_a_wallet_is_proven_and_taken_back(robot: Program, seller: Seller) -> None:
    wallet = Cast.other_seller
    said = robot("POST", "/payouts/ask", {"address": "0x1"})
    assert (said.status, said.document["field"]) == (422, "address")
    assert robot("POST", "/payouts/ask", {"address": wallet.address, "network": "x"}).status == 422
    text = robot("POST", "/payouts/ask", {"address": wallet.address}).document["text"]

    def signed_by(who: Person) -> dict[str, str]:
        message = encode_defunct(text=text)
        return {"text": text, "signature": "0x" + who.account.sign_message(message).signature.hex()}

    wrong = robot("POST", "/payouts/prove", signed_by(Cast.buyer))
    assert (wrong.status, wrong.document["field"]) == (422, "signature")
    rival = program_of(sign_up("rival"))
    assert rival("POST", "/payouts/prove", signed_by(wallet)).status == 422, "it names its seller"
    proven = robot("POST", "/payouts/prove", signed_by(wallet))
    assert (proven.status, proven.document["pay_to"]) == (201, wallet.address)
    assert robot("POST", "/payouts/prove", signed_by(wallet)).status == 422, "once"
    known = [each["pay_to"] for each in robot("GET", "/payouts").document["items"]]
    assert known == [Cast.seller.address, wallet.address]
    assert rival("POST", "/payouts/revoke", {"pay_to": wallet.address}).status == 404
    gone = robot("POST", "/payouts/revoke", {"pay_to": wallet.address})
    assert gone.document == {"pay_to": wallet.address, "paused": []}
    assert len(robot("GET", "/payouts").document["items"]) == 1
    listings_only = program_of(seller, *keys.PRESETS["listings"])
    said = listings_only("POST", "/payouts/ask", {"address": wallet.address})
    assert (said.status, said.document["scope"]) == (403, "payouts:write")


def test_who_paid_over_the_api(robot: Program) -> None:
    said = robot("GET", "/buyers").document
    assert said == {"unique": 0, "top": [], "counting": False, "made_at": None}


def test_the_schema_is_what_is_served(robot: Program, terms: dict[str, Any], hooks: Hooks) -> None:
    """Each answer keeps the shape that the document gives it."""
    served = Client().get("/api/sell/openapi.json").json()
    assert served["openapi"].startswith("3.1")
    assert served["components"]["securitySchemes"]["key"]["scheme"] == "bearer"
    made = robot("POST", "/listings", {**terms, "slug": "weather"}).document
    hook = {"url": hooks.receiver.url, "events": ["payment.paid"]}
    made_hook = robot("POST", "/webhooks", hook).document
    told = robot("POST", f"/webhooks/{made_hook['id']}/test").document
    hooks.send()
    answers = {
        ("/listings", "post", "201"): made,
        ("/listings", "get", "200"): robot("GET", "/listings").document,
        ("/listings/{listing_id}", "get", "200"): robot("GET", f"/listings/{made['id']}").document,
        ("/listings/{listing_id}/history", "get", "200"): robot(
            "GET", f"/listings/{made['id']}/history"
        ).document,
        ("/webhooks", "post", "201"): made_hook,
        ("/webhooks", "get", "200"): robot("GET", "/webhooks").document,
        ("/deliveries/{delivery_id}", "get", "200"): robot(
            "GET", f"/deliveries/{told['id']}"
        ).document,
        ("/payouts", "get", "200"): robot("GET", "/payouts").document,
        ("/earnings", "get", "200"): robot("GET", "/earnings").document,
        ("/networks", "get", "200"): robot("GET", "/networks").document,
        ("/me", "get", "200"): robot("GET", "/me").document,
        ("/me", "get", "401"): Program("")("GET", "/me").document,
    }
    for (path, method, status), answer in answers.items():
        said = served["paths"][f"/api/sell{path}"][method]["responses"][status]
        shape = said["content"]["application/json"]["schema"]
        jsonschema.validate(
            answer, {**shape, "components": served["components"]},
            cls=jsonschema.Draft202012Validator,
        )  # fmt: skip
        assert answer


def test_every_address_is_in_the_schema() -> None:
    from sellers.api.urls import urlpatterns

    served = {
        re.sub(r"<\w+:(\w+)>", r"{\1}", f"/api/sell/{route.pattern}")
        for route in urlpatterns
        if route.name not in ("api-sell-schema", "api-sell-nowhere")
    }
    assert served == set(document()["paths"])
    operations = [
        operation["operationId"]
        for path in document()["paths"].values()
        for method, operation in path.items()
        if method in ("get", "post", "put", "patch", "delete")
    ]
    assert len(operations) == len(set(operations))


def test_a_picture_is_given_and_named_everywhere(robot: Program, terms: dict[str, Any]) -> None:
    png = b"\x89PNG\r\n\x1a\n" + bytes(40)
    for wrong, field in (("no base64!", "picture"), (b64(b"<svg/>"), "logo"),
                         (b64(png + bytes(65_536)), "logo")):  # fmt: skip
        said = robot("POST", "/logos", {"picture": wrong})
        assert (said.status, said.document["field"]) == (422, field)
    given = robot("POST", "/logos", {"picture": b64(png)})
    assert (given.status, given.document["content_type"]) == (201, "image/png")
    assert robot("POST", "/logos", {"picture": b64(png)}).document == given.document
    assert robot("GET", "/logos").document["items"] == [given.document]
    logo = given.document["logo"]
    assert Client().get(f"/logo/{logo}").content == png
    assert robot("PUT", "/profile", {"name": "Acme", "logo": logo}).document["logo"] == logo
    made = robot("POST", "/listings", {**terms, "slug": "weather", "logo": logo}).document
    assert made["proposed"]["terms"]["logo"] == logo
    here = f"/listings/{made['id']}/propose"
    for changed, kept in (({}, logo), ({"logo": ""}, "")):
        other = {**terms, "title": f"Kept {kept[:9]}", **changed}
        assert robot("POST", here, other).document["proposed"]["terms"].get("logo", "") == kept
    draft = robot("POST", "/drafts", {"typed": {"logo": logo}}).document
    assert draft["typed"] == {"logo": logo}
    rival = program_of(sign_up("rival"))
    theirs = rival("POST", "/listings", {**terms, "slug": "weather", "logo": logo})
    assert (theirs.status, theirs.document["field"]) == (422, "logo")
    assert rival("GET", "/logos").document["items"] == []


def b64(picture: bytes) -> str:
    return b64encode(picture).decode()


def test_no_address_manages_keys() -> None:
    named = [path for path in document()["paths"] if "key" in path]
    assert named == ["/api/sell/listings/{listing_id}/signing-key"]
