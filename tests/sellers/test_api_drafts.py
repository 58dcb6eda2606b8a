"""Drafts over the API: filled in bit by bit, looked at, checked, tried and submitted."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import jsonschema
import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from payments.models import Tries
from sellers.api.schema import document
from sellers.drafting import worksheets
from sellers.drafting.input_rows import TICKED
from sellers.drafting.typed import token_key
from sellers.grading import verification
from sellers.grading.checks import REQUIRED, Check
from sellers.models import Listing, Look, Preview, Repeat, Seller, Worksheet
from sellers.profile import logos
from sellers.reviews import submitting
from sellers.upstreams import looks
from tests.fixtures.cast import Cast
from tests.fixtures.hooks import Hooks, sign_up
from tests.fixtures.programs import Program, program_of
from tests.fixtures.storefront import Storefront
from tests.fixtures.upstream import answer

SECRET = "s3cr3t-canary-value"


@pytest.fixture
def robot(seller: Seller) -> Program:
    return program_of(seller)


@pytest.fixture
def typed(hooks: Hooks, robot: Program) -> dict[str, Any]:
    """Everything that an ordinary listing needs but the answer, as it would be typed."""
    hooks.receiver.on("/weather", answer(b'{"celsius":21}'))
    (network,) = robot("GET", "/networks").document["items"]
    token = token_key(network["network"], network["asset"])
    return {
        "upstream_url": f"{hooks.receiver.url}/weather",
        "method": "GET",
        "title": "City weather",
        "description": "The weather of a city, now.",
        "slug": "",
        "tags": "weather",
        "release": "hold",
        "rows": [{"name": "city", "type": "string", "example": "Oslo", "required": "on"}],
        f"price:{token}": "0.01",
        f"pay_to:{token}": Cast.seller.address,
    }


def test_a_draft_is_filled_in_looked_at_and_thrown_away(
    hooks: Hooks, robot: Program, typed: dict[str, Any]
) -> None:
    made = robot("POST", "/drafts", Idempotency_Key="one")
    assert made.status == 201
    assert robot("POST", "/drafts", Idempotency_Key="one").document["id"] == made.document["id"]
    assert [lack["step"] for lack in made.document["lacks"]][:2] == ["endpoint", "shape"]
    here = f"/drafts/{made.document['id']}"
    draft = robot("PATCH", here, {"version": 1, "typed": typed}).document
    assert [(lack["step"], lack["field"]) for lack in draft["lacks"]] == [("shape", "sample")]
    assert draft["typed"]["slug"] == "city-weather"
    assert robot("GET", f"{here}/looks").document["items"] == []
    asked = robot("POST", f"{here}/looks")
    assert (asked.status, asked.document["state"]) == (202, "waiting")
    assert robot("POST", f"{here}/looks").document["id"] == asked.document["id"], "once is enough"
    looks.run_due(hooks.site)
    (look,) = robot("GET", f"{here}/looks").document["items"]
    assert (look["id"], look["state"]) == (asked.document["id"], "good")
    assert [call.target for call in hooks.receiver.calls] == ["/weather?city=Oslo"]
    whole = robot("GET", here).document
    assert (whole["lacks"], whole["typed"]["sample_body"]) == ([], '{"celsius":21}')
    (row,) = robot("GET", "/drafts").document["items"]
    assert (row["title"], row["listing"]) == ("City weather", None)
    assert robot("DELETE", here).status == 204
    assert robot("GET", here).status == 404


def test_looks_are_counted_by_the_hour_though_a_draft_keeps_few(
    hooks: Hooks, robot: Program, typed: dict[str, Any], settings: Settings
) -> None:
    settings.LOOKS_HOUR_MAX = looks.LOOKS_KEPT_MAX + 2
    draft, other = (robot("POST", "/drafts", {"typed": typed}).document["id"] for _ in range(2))
    here = f"/drafts/{draft}/looks"
    for _ in range(settings.LOOKS_HOUR_MAX):
        assert robot("POST", here).status == 202
        assert robot("POST", here).status == 202, "the one that is on its way counts once"
        looks.run_due(hooks.site)
    for refused in (robot("POST", here), robot("POST", f"/drafts/{other}/looks")):
        assert (refused.status, refused.document["field"]) == (422, "upstream_url")
        assert "enough looks for an hour" in str(refused.document)
    assert len(robot("GET", here).document["items"]) == looks.LOOKS_KEPT_MAX
    Tries.objects.update(until=timezone.now())
    assert robot("POST", here).status == 202


def test_what_another_typed_since_is_not_overwritten(robot: Program) -> None:
    draft = robot("POST", "/drafts", {"typed": {"title": "First"}}).document
    here = f"/drafts/{draft['id']}"
    assert robot("PATCH", here, {"version": 1, "typed": {"title": "Second"}}).status == 200
    late = robot("PATCH", here, {"version": 1, "typed": {"title": "Third", "tags": "a"}})
    assert (late.status, late.document["error"], late.document["field"]) == (
        409, "changed_meanwhile", "typed.title",
    )  # fmt: skip
    assert late.document["fix"]
    assert robot("GET", here).document["typed"] == {"title": "Second"}


def test_what_was_read_of_a_draft_can_be_sent_back(
    robot: Program, seller: Seller, typed: dict[str, Any]
) -> None:
    picture = "iVBORw0KGgo="
    typed |= {"stream": False, "empty_answers": True, "sample_base64": picture}
    draft = robot("POST", "/drafts", {"typed": typed}).document
    said = draft["typed"]
    assert (said["stream"], said["empty_answers"]) == (False, True)
    assert (said["rows"][0]["required"], said["sample_base64"]) == (True, picture)
    here = f"/drafts/{draft['id']}"
    sheet = Worksheet.objects.get()
    gone = {"pay_to:eip155:1/0x0": "0x1", "secret_headers": []}  # a token taken no more
    worksheets.put(sheet, {**gone, "check_output": TICKED})
    whole = robot("GET", here).document
    kept = Worksheet.objects.get()
    again = robot("PATCH", here, {"version": whole["version"], "typed": whole["typed"]})
    assert (again.status, again.document) == (200, whole)
    assert Worksheet.objects.get().typed == kept.typed
    twin = robot("POST", "/drafts", {"typed": said})
    assert (twin.status, twin.document["typed"]) == (201, said)
    text = {"version": whole["version"], "typed": {"sample_body": "{}"}}
    told = robot("PATCH", here, text).document
    assert told["typed"]["sample_base64"] == ""
    both = {**told["typed"], "sample_base64": picture}
    told = robot("PATCH", here, {"version": told["version"], "typed": both}).document
    assert told["typed"]["sample_body"] == "", "what changed is what is meant"


def test_odd_fields_are_named_and_change_nothing(robot: Program) -> None:
    theirs = logos.keep(sign_up("rival"), b"\x89PNG\r\n\x1a\n")
    here = f"/drafts/{robot('POST', '/drafts').document['id']}"
    odd: list[tuple[dict[str, Any], str]] = [
        ({"nothing": "x"}, "typed.nothing"),
        ({"secret_headers": "x"}, "typed.secret_headers"),
        ({"title": 1}, "typed.title"),
        ({"rows": "x"}, "typed.rows"),
        ({"rows": [{"name": {}}]}, "typed.rows.0"),
        ({"rows": [{"no": "x"}]}, "typed.rows.0"),
        ({"rows": [{"required": "false"}]}, "typed.rows.0"),
        ({"stream": "true"}, "typed.stream"),
        ({"stream": None}, "typed.stream"),
        ({"sample_base64": "ä"}, "typed.sample_base64"),
        ({"sample_base64": 7}, "typed.sample_base64"),
        ({"logo": theirs}, "logo"),
        ({"title": "x" * 100_001}, "title"),
    ]
    for typed, field in odd:
        said = robot("PATCH", here, {"version": 1, "typed": typed})
        assert (said.status, said.document["field"]) == (422, field)
        assert robot("POST", "/drafts", {"typed": typed}).status == 422
    assert Worksheet.objects.get().typed == {}


def test_a_secret_of_a_draft_goes_in_and_never_out(
    hooks: Hooks, robot: Program, typed: dict[str, Any]
) -> None:
    draft = robot("POST", "/drafts", {"typed": typed}).document
    here = f"/drafts/{draft['id']}"
    said = robot("POST", f"{here}/secret", {"name": "X-Key", "value": SECRET})
    assert said.document["secret_headers"] == [{"name": "x-key", "kept": True}]
    robot("POST", f"{here}/looks")
    looks.run_due(hooks.site)
    assert [call.header("x-key") for call in hooks.receiver.calls] == [SECRET]
    shown = [robot("GET", path).document for path in (here, f"{here}/looks", "/drafts")]
    assert SECRET not in str([said.document, *shown])
    wrong = robot("POST", f"{here}/secret", {"name": "X-Key", "value": "two\nlines"})
    assert wrong.status == 422
    assert "two" not in str(wrong.document)
    gone = robot("POST", f"{here}/secret", {"name": "X-Key", "value": None})
    assert gone.document["secret_headers"] == []


def test_a_look_that_leads_inside_is_refused(robot: Program) -> None:
    draft = robot("POST", "/drafts", {"typed": {"upstream_url": "https://10.0.0.1/"}}).document
    said = robot("POST", f"/drafts/{draft['id']}/looks")
    assert (said.status, said.document["field"]) == (422, "upstream_url")
    assert not Look.objects.exists()


def test_anothers_draft_is_not_there(robot: Program) -> None:
    here = f"/drafts/{robot('POST', '/drafts').document['id']}"
    rival = program_of(sign_up("rival"))
    for path in (here, f"/drafts/{uuid4()}"):
        for method, below in (
            ("GET", ""), ("PATCH", ""), ("DELETE", ""), ("POST", "/secret"), ("GET", "/looks"),
            ("POST", "/looks"), ("GET", "/checklist"), ("POST", "/checklist"), ("POST", "/submit"),
            ("GET", "/preview"), ("POST", "/preview"), ("DELETE", "/preview"),
        ):  # fmt: skip
            assert rival(method, f"{path}{below}", {}).status == 404, (method, below)
    assert rival("GET", "/drafts").document["items"] == []
    assert Worksheet.objects.count() == 1


@pytest.fixture
def draft(robot: Program, typed: dict[str, Any]) -> str:
    """A draft that lacks nothing."""
    done = {**typed, "sample_body": '{"celsius":21}'}
    made = robot("POST", "/drafts", {"typed": done}).document
    assert made["lacks"] == []
    return f"/drafts/{made['id']}"


def test_a_draft_is_checked_and_submitted(robot: Program, draft: str) -> None:
    seen = robot("GET", f"{draft}/checklist").document
    assert (seen["valid"], seen["lacks"], seen["verified_at"]) == (True, [], None)
    failed = {each["check"]: each["fix"] for each in seen["preflight"] if not each["passed"]}
    assert "upstream-live" in failed
    assert robot("POST", f"{draft}/checklist").document["preflight"] == seen["preflight"]
    sent = robot("POST", f"{draft}/submit")
    assert (sent.status, sent.document["state"]) == (200, "in_review")
    here = f"/listings/{sent.document['id']}"
    assert robot("GET", f"{here}/checklist").document["preflight"] == seen["preflight"]
    assert robot("GET", draft).status == 404, "it is a listing now"
    refused = robot("POST", f"{here}/checklist")
    assert (refused.status, refused.document["error"]) == (409, "wrong_state")
    edited = robot("POST", f"{here}/draft").document
    assert (edited["listing"], edited["typed"]["title"]) == (sent.document["id"], "City weather")
    assert robot("POST", f"{here}/draft").document["id"] == edited["id"]
    changed = {"version": edited["version"], "typed": {"slug": "other", "title": "Better weather"}}
    assert robot("PATCH", f"/drafts/{edited['id']}", changed).status == 200
    again = robot("POST", f"/drafts/{edited['id']}/submit").document
    assert (again["slug"], again["proposed"]["title"]) == ("city-weather", "Better weather")
    robot("POST", f"{here}/draft")
    robot("POST", f"{here}/retire")
    assert robot("GET", "/drafts").document["items"] == []
    assert robot("POST", f"{here}/draft").document["error"] == "wrong_state"


def test_a_draft_that_is_submitted_twice_at_once_is_answered_alike(
    robot: Program, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    late = Worksheet.objects.get(pk=draft.rpartition("/")[2])
    first = robot("POST", f"{draft}/submit").document
    # The second call had found the sheet before the first one was done with it.
    monkeypatch.setattr("sellers.api.checking.own_sheet", lambda *_: late)
    second = robot("POST", f"{draft}/submit")
    assert (second.status, second.document) == (200, first)
    Listing.objects.filter(pk=first["id"]).update(seller=sign_up("rival"))
    other = robot("POST", f"{draft}/submit")
    assert (other.status, other.document["error"]) == (409, "changed_meanwhile")


def test_what_fails_is_named_and_not_submitted(
    robot: Program, draft: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = Check("returns-402", False, REQUIRED, "quoted", "402", "404", "Look at its state.")
    monkeypatch.setattr(submitting, "of_draft", lambda *_: [bad])
    shown = robot("POST", f"{draft}/checklist").document
    assert (shown["valid"], shown["preflight"][0]["fix"]) == (False, "Look at its state.")
    said = robot("POST", f"{draft}/submit")
    assert (said.status, said.document["field"]) == (422, "checklist")
    assert "returns-402" in said.document["detail"]
    assert not Listing.objects.exists()


def test_an_unfinished_draft_says_what_it_lacks(robot: Program) -> None:
    here = f"/drafts/{robot('POST', '/drafts').document['id']}"
    for method in ("GET", "POST"):
        said = robot(method, f"{here}/checklist").document
        assert (said["valid"], said["preflight"]) == (False, [])
        assert said["lacks"][0]["field"] == "upstream_url"
    assert robot("POST", f"{here}/submit").document["field"] == "upstream_url"
    assert robot("POST", f"{here}/preview").document["field"] == "upstream_url"
    assert not Preview.objects.exists()


def test_a_live_listing_is_asked_when_its_seller_says_so(
    robot: Program, storefront: Storefront, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"/listings/{storefront.publish('acme/weather').pk}/checklist"
    assert robot("GET", here).document["valid"] is None
    settings.ASKS_ITSELF = True
    good = Check("returns-402", True, REQUIRED, "quoted", "402", "402")
    monkeypatch.setattr(verification, "of_listing", lambda *_: [good])
    asked = robot("POST", here).document
    assert (asked["valid"], asked["preflight"][0]["check"]) == (True, "returns-402")
    assert asked["verified_at"]
    assert robot("GET", here).document == asked


def test_a_test_address_is_opened_shown_and_closed(robot: Program, draft: str) -> None:
    here = f"{draft}/preview"
    assert robot("GET", here).document == {"open": None, "calls": []}
    made = robot("POST", here, Idempotency_Key="one")
    assert (made.status, made.document["payers"]) == (201, [Cast.seller.address])
    assert made.document["example_url"] == made.document["url"] + "?city=Oslo"
    again = robot("POST", here, Idempotency_Key="one").document
    assert (again["url"], again["expires_at"]) == (None, made.document["expires_at"])
    token = made.document["url"].rpartition("/")[2]
    assert token not in str(list(Repeat.objects.values()))
    assert robot("GET", here).document["open"] == made.document
    version = robot("GET", draft).document["version"]
    robot("PATCH", draft, {"version": version, "typed": {"title": "Another title"}})
    assert robot("GET", here).document["open"]["current"] is False
    assert robot("DELETE", here).status == 204
    assert robot("GET", here).document["open"] is None


def test_each_answer_has_the_shape_that_the_schema_says(robot: Program, draft: str) -> None:
    served = document()
    robot("POST", f"{draft}/preview")
    below = "/api/sell/drafts/{worksheet_id}"
    for path, address in (
        (below, draft),
        (f"{below}/checklist", f"{draft}/checklist"),
        (f"{below}/preview", f"{draft}/preview"),
        ("/api/sell/drafts", "/drafts"),
    ):
        said = served["paths"][path]["get"]["responses"]["200"]
        shape = said["content"]["application/json"]["schema"]
        jsonschema.validate(
            robot("GET", address).document, {**shape, "components": served["components"]},
            cls=jsonschema.Draft202012Validator,
        )  # fmt: skip
