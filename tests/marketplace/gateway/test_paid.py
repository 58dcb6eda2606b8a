"""A request that carries a payment: what is read of it, and how its outcome is told."""

import asyncio
import logging
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass, field
from uuid import UUID

import pytest

from marketplace.calls.outcomes import (
    CallOutcome,
    Challenged,
    Delivered,
    NotCharged,
    PaidUnanswered,
    Refused,
    Unavailable,
)
from marketplace.calls.requests import BodyIncomplete, BodyTooLarge, CallRequest, canonical_url
from marketplace.calls.shelf import Absent, Place, Shelf, Shelved
from marketplace.calls.stock import Stock
from marketplace.gateway.app import Door, DoorLimits
from payments.at_hand import payment_at_hand
from payments.database.pool import open_pool
from payments.lookup import StoredAnswer
from payments.x402.headers import encode_header
from payments.x402.reasons import Reason
from payments.x402.types import Settlement
from tests.fixtures.storefront import SAMPLE, Storefront, in_thread
from tests.marketplace.gateway.visitor import Line, Seen, scope_of, visit

WEATHER = "/call/acme/weather"
TIDES = "/call/acme/tides"
PAID = {"PAYMENT-SIGNATURE": "e30="}
PAYMENT = UUID("01890000-0000-7000-8000-000000000001")
SETTLED = Settlement(True, "0x" + "1" * 40, "0x" + "2" * 64, "eip155:84532")
ANSWER = StoredAnswer(200, (("etag", '"1"'),), "application/json", b'{"celsius":9}', b"", 13)
BODY_MAX = 1_000
NOTICED_SECONDS = 10


async def nobody_asked(present: bool) -> None:
    raise AssertionError("nobody should be told")


@dataclass(slots=True)
class Counter:
    """Stands where the paid call is: keeps what it was handed and answers as told."""

    outcome: CallOutcome | Callable[[CallRequest], CallOutcome]
    requests: list[CallRequest] = field(default_factory=list)
    places: list[Place] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    may_end: asyncio.Event | None = None

    async def __call__(self, place: Place, path: str, request: CallRequest) -> CallOutcome:
        self.places.append(place)
        self.requests.append(request)
        self.bodies.append(await request.read_body())
        self.arrived.set()
        if self.may_end is not None:
            await self.may_end.wait()
        return self.outcome if not callable(self.outcome) else self.outcome(request)


def delivered(told: Callable[[bool], object] = lambda present: None, **more: bool) -> Delivered:
    async def handed_over(present: bool) -> None:
        told(present)

    return Delivered(ANSWER, SETTLED, PAYMENT, handed_over, **more)


class NothingPublished:
    async def read(self, path: str) -> tuple[int, Place]:
        return 0, Absent.UNKNOWN


def door(
    counter: Counter, shelf: Shelf | None = None, *, calls_max: int = 10, listing_max: int = 10
) -> Door:
    return Door(
        shelf=shelf or Shelf(None, NothingPublished(), entries_max=1),  # type: ignore[arg-type]
        paid_call=counter,
        wait_seconds=lambda shelved: 0.0,
        quoted=lambda listing_id: None,
        limits=DoorLimits(
            calls_in_flight_max=calls_max,
            listing_in_flight_max=listing_max,
            header_bytes_max=20_000,
            body_bytes_max=BODY_MAX,
            body_seconds=30,
        ),
        public_base_url="https://souk.example",
    )


@pytest.fixture
def counter() -> Counter:
    return Counter(delivered())


async def test_the_call_is_handed_on_as_plain_values(counter: Counter) -> None:
    target = f"{WEATHER}/a%2Fb/Z%C3%BCrich?q=a+b&demo=false&x402Version=2&q=%26&empty="
    headers = {
        **PAID,
        "X-Max-Price": "0.02 USD",
        "X-Souk-Fresh": "1",
        "SIGN-IN-WITH-X": "abc",
        "content-type": "application/json",
    }
    seen = await visit(door(counter), "POST", target, headers, b'{"city":"Basel"}')
    assert seen.status == 200
    (request,) = counter.requests
    assert request.method == "POST"
    assert request.segments == ("a/b", "Zürich")
    assert request.query == (("q", "a b"), ("q", "&"), ("empty", ""))
    assert ("content-type", "application/json") in request.headers
    assert (request.credential, request.max_price) == ("e30=", "0.02 USD")
    assert (request.fresh, request.siwx) == (True, "abc")
    assert counter.bodies == [b'{"city":"Basel"}']
    assert canonical_url("https://c.example", "acme/weather", request.segments, request.query) == (
        "https://c.example/call/acme/weather/a%2Fb/Z%C3%BCrich?q=a%20b&q=%26&empty="
    )


async def test_an_unknown_listing_still_leads_to_the_payments_own_answer(counter: Counter) -> None:
    assert (await visit(door(counter), "GET", WEATHER, PAID)).status == 200
    assert counter.places == [Absent.UNKNOWN]


@pytest.mark.parametrize(
    "headers",
    [
        [(b"payment-signature", b"e30="), (b"payment-signature", b"e30=")],
        [(b"payment-signature", b"e30="), (b"x-payment", b"e30=")],
        [(b"x-payment", b"e30="), (b"x-payment", b"e30=")],
        [(b"payment_signature", b"e30=")],
        [(b"x_payment", b"e30=")],
        [(b"payment-signature", b"e30="), (b"payment_signature", b"e30=")],
        [(b"payment-signature", b"e30="), (b"sign-in-with-x", b"a"), (b"sign_in-with-x", b"b")],
    ],
)
async def test_a_payment_that_can_be_read_two_ways_is_refused(
    counter: Counter, headers: list[tuple[bytes, bytes]]
) -> None:
    seen = await visit(door(counter), "GET", WEATHER, headers)
    assert seen.status == 400
    assert seen.json["error"] == "more_than_one_payment"
    assert counter.requests == []


async def test_headers_have_a_limit(counter: Counter) -> None:
    most = await visit(door(counter), "GET", WEATHER, {**PAID, "x-long": "x" * 19_000})
    more = await visit(door(counter), "GET", WEATHER, {**PAID, "x-long": "x" * 20_000})
    assert (most.status, more.status) == (200, 431)
    assert len(counter.requests) == 1


async def test_a_query_that_is_not_text_is_refused(counter: Counter) -> None:
    assert (await visit(door(counter), "GET", f"{WEATHER}?a=%ff", PAID)).status == 400
    assert (await visit(door(counter), "GET", f"{WEATHER}?{'a&' * 300}", PAID)).status == 400
    assert counter.requests == []


# What comes of it ---------------------------------------------------------------------------------


async def ask(outcome: CallOutcome, verb: str = "GET") -> Seen:
    return await visit(door(Counter(outcome)), verb, WEATHER, PAID)


async def test_an_answer_comes_with_its_receipt_and_stays_in_its_box() -> None:
    hostile = StoredAnswer(
        200,
        (
            ("content-security-policy", "script-src *"),
            ("access-control-allow-origin", "https://evil.example"),
            ("payment-response", "forged"),
            ("content-language", "nb"),
            ("etag", '"1"'),
        ),
        "text/html",
        b"<p>",
        b"",
        3,
    )
    seen = await ask(Delivered(hostile, SETTLED, PAYMENT, nobody_minds, joined=True))
    assert (seen.status, seen.body) == (200, b"<p>")
    assert seen["content-type"] == "text/html"
    assert seen["content-language"] == "nb"
    assert seen["etag"] is None
    assert "PAYMENT-SIGNATURE" in (seen["vary"] or "")
    assert seen["content-security-policy"] == "sandbox; default-src 'none'"
    assert seen["access-control-allow-origin"] == "*"
    assert seen["payment-response"] == encode_header(SETTLED.to_wire())
    assert seen["x-souk-joined"] == seen["x-souk-payment"] == str(PAYMENT)
    assert seen["cache-control"] == "no-store"


async def nobody_minds(present: bool) -> None:
    return


async def test_an_empty_answer_says_no_length() -> None:
    empty = StoredAnswer(204, (), "text/plain", b"", b"", 0)
    seen = await ask(Delivered(empty, SETTLED, PAYMENT, nobody_minds))
    assert (seen.status, seen.body, seen["content-length"]) == (204, b"", None)


async def test_a_failed_upstream_is_shown_and_says_that_nothing_was_charged() -> None:
    refusal = StoredAnswer(429, (), "text/plain", b"slow down", b"", 9)
    passed_on = await ask(NotCharged(429, "upstream_rejected", PAYMENT, refusal))
    assert (passed_on.status, passed_on.body) == (429, b"slow down")
    assert passed_on["x-payment-charged"] == "no; reason=upstream_rejected"
    own = await ask(NotCharged(504, "timeout", PAYMENT))
    assert (own.status, own.json["error"]) == (504, "timeout")
    assert own["x-payment-charged"] == "no; reason=timeout"
    assert own["payment-response"] is own["payment-required"] is None


async def test_what_is_not_known_yet_names_the_place_to_look() -> None:
    pending = Settlement(False, "", "", "eip155:84532", error_reason=Reason.SETTLEMENT_PENDING)
    seen = await ask(Unavailable("settlement_pending", "Not yet.", 7, PAYMENT, pending))
    assert (seen.status, seen["retry-after"]) == (503, "7")
    assert seen.json["status_url"] == f"https://souk.example/p/{PAYMENT}"
    told = b64decode(seen["payment-response"] or "")
    assert b'"errorReason":"settlement_pending"' in told
    assert seen["payment-required"] is None


async def test_whoever_has_to_wait_is_asked_for_what_brings_the_answer() -> None:
    question = {"sign-in-with-x": {"info": {"nonce": "1"}}}
    seen = await ask(Unavailable("settlement_pending", "Not yet.", 7, PAYMENT, None, question))
    assert seen.json["extensions"] == question


@pytest.mark.parametrize(
    "outcome",
    [
        PaidUnanswered(502, "cut", PAYMENT, SETTLED),
        Refused(409, "refund_due", "Paid.", payment_id=PAYMENT),
    ],
)
async def test_whoever_is_owed_a_refund_is_told_where_to_ask(outcome: CallOutcome) -> None:
    seen = await ask(outcome)
    assert seen.json["refund_url"] == "https://souk.example/api/refunds"
    assert seen.json["status_url"] == f"https://souk.example/p/{PAYMENT}"


async def test_a_refusal_keeps_its_status_and_headers() -> None:
    seen = await ask(Refused(405, "method_not_allowed", "Use GET.", (("Allow", "GET"),)))
    assert (seen.status, seen["allow"], seen.json["detail"]) == (405, "GET", "Use GET.")


async def test_where_nothing_is_for_sale_nobody_is_asked_to_pay_again() -> None:
    seen = await ask(Challenged(Reason.EXPIRED))
    assert seen.status == 404
    assert seen["payment-required"] is None


async def test_a_curable_payment_is_asked_for_again(
    storefront: Storefront, database_url: str
) -> None:
    await in_thread(storefront.publish, "acme/weather")
    pool = await open_pool(database_url, size_max=1)
    shelf = Shelf(pool, Stock(pool, storefront.site), entries_max=1)
    counter = Counter(Challenged(Reason.EXPIRED, "too late"))
    seen = await visit(door(counter, shelf), "GET", WEATHER, PAID)
    sample = await visit(door(counter, shelf), "GET", f"{WEATHER}?demo=true", PAID)
    await pool.close()
    assert seen.status == 402
    assert seen.quote["error"] == Reason.EXPIRED
    assert seen.quote["detail"] == "too late"
    assert seen.quote == seen.json
    assert len(seen.quote["accepts"]) == 1
    assert isinstance(counter.places[0], Shelved)
    # A sample stays free, whatever is attached to the request.
    assert (sample.status, sample.body) == (200, SAMPLE.body)
    assert len(counter.requests) == 1


# Bodies -------------------------------------------------------------------------------------------


IN_CHUNKS = (b"transfer-encoding", b"chunked")


def of_length(declared: bytes) -> tuple[bytes, bytes]:
    return (b"content-length", declared)


@pytest.mark.parametrize(
    ("pieces", "framing", "raised"),
    [
        ([b"x" * BODY_MAX], of_length(b"1000"), None),
        ([b"x" * 600, b"x" * 400], IN_CHUNKS, None),
        ([b"x" * 600, b"x" * 400], None, None),
        ([b"x" * (BODY_MAX + 1)], IN_CHUNKS, BodyTooLarge),
        ([b"x" * (BODY_MAX + 1)], None, BodyTooLarge),
        ([b"x" * 600, b"x" * 401], of_length(b"3"), BodyTooLarge),
        ([], of_length(b"5000"), BodyTooLarge),
    ],
)
async def test_a_body_is_read_whole_or_not_at_all(
    pieces: list[bytes], framing: tuple[bytes, bytes] | None, raised: type[Exception] | None
) -> None:
    caught: list[type[Exception]] = []
    read: list[int] = []

    async def call(place: Place, path: str, request: CallRequest) -> CallOutcome:
        try:
            read.append(len(await request.read_body()))
            assert await request.read_body()
        except (BodyTooLarge, BodyIncomplete) as error:
            caught.append(type(error))
        return delivered()

    headers = [(b"payment-signature", b"e30="), *([framing] if framing else [])]
    scope = scope_of("POST", WEATHER, headers)
    if framing is None:  # in HTTP/2 a body may come that no header announces
        scope["http_version"] = "2"
    line = Line(list(pieces))
    await door(call)(scope, line.receive, line.send)  # type: ignore[arg-type]
    assert caught == ([raised] if raised else [])
    assert read == ([] if raised else [BODY_MAX])


async def test_a_buyer_who_leaves_in_the_middle_of_a_body_is_noticed() -> None:
    caught: list[type[Exception]] = []

    async def call(place: Place, path: str, request: CallRequest) -> CallOutcome:
        try:
            await request.read_body()
        except BodyIncomplete as error:
            caught.append(type(error))
            assert request.gone.is_set()
        return Refused(400, "body_incomplete", "")

    async def receive() -> object:
        return messages.pop(0)

    messages = [
        {"type": "http.request", "body": b"half", "more_body": True},
        {"type": "http.disconnect"},
    ]
    line = Line([])
    scope = scope_of("POST", WEATHER, [(b"payment-signature", b"e30="), IN_CHUNKS])
    await door(call)(scope, receive, line.send)  # type: ignore[arg-type]
    assert caught == [BodyIncomplete]


async def test_a_request_that_ends_with_its_head_is_not_waited_for() -> None:
    bodies: list[bytes] = []

    async def call(place: Place, path: str, request: CallRequest) -> CallOutcome:
        bodies.append(await request.read_body())
        assert not request.gone.is_set()
        line.hangs_up.set()
        await asyncio.wait_for(request.gone.wait(), NOTICED_SECONDS)
        return delivered()

    line = Line([])  # where not even the end of a body ever comes
    scope = scope_of("GET", WEATHER, [(b"payment-signature", b"e30=")])
    await door(call)(scope, line.receive, line.send)  # type: ignore[arg-type]
    assert bodies == [b""]


# Hanging up ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stays", [True, False])
async def test_the_call_goes_on_and_hears_whether_the_buyer_stayed(stays: bool) -> None:
    told: list[bool] = []
    counter = Counter(delivered(told.append), may_end=asyncio.Event())
    assert counter.may_end is not None
    line = Line([b""])
    scope = scope_of("GET", WEATHER, [(b"payment-signature", b"e30=")])
    answering = asyncio.create_task(door(counter)(scope, line.receive, line.send))  # type: ignore[arg-type]
    await counter.arrived.wait()
    if not stays:
        line.hangs_up.set()
        await asyncio.wait_for(counter.requests[0].gone.wait(), NOTICED_SECONDS)
    counter.may_end.set()
    await answering
    assert told == [stays]


async def test_a_buyer_lost_while_sending_is_not_counted_as_served() -> None:
    told: list[bool] = []

    async def send(message: object) -> None:
        raise OSError("gone")

    line = Line([b""])
    scope = scope_of("GET", WEATHER, [(b"payment-signature", b"e30=")])
    await door(Counter(delivered(told.append)))(scope, line.receive, send)  # type: ignore[arg-type]
    assert told == [False]


# Limits and faults --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "served"),
    [({"calls_max": 2}, (WEATHER, TIDES)), ({"listing_max": 2}, (WEATHER, WEATHER))],
)
async def test_only_so_many_calls_are_served_at_once(
    limits: dict[str, int], served: tuple[str, ...]
) -> None:
    counter = Counter(delivered(), may_end=asyncio.Event())
    assert counter.may_end is not None
    full = door(counter, **limits)
    serving = [asyncio.create_task(visit(full, "GET", each, PAID)) for each in served]
    async with asyncio.timeout(60):
        while len(counter.bodies) < len(served):
            await asyncio.sleep(0)
    refused = await visit(full, "GET", WEATHER, PAID)
    assert (refused.status, refused.json["error"]) == (503, "busy")
    # The payment was not looked up: an earlier call may have been charged for it.
    assert "This request charged nothing; send the same payment again." in refused.json["detail"]
    assert refused["retry-after"] == "1"
    if "listing_max" in limits:  # another listing is not in the way
        another = asyncio.create_task(visit(full, "GET", TIDES, PAID))
        serving.append(another)
    counter.may_end.set()
    assert [seen.status for seen in await asyncio.gather(*serving)] == [200] * len(serving)
    assert (await visit(full, "GET", WEATHER, PAID)).status == 200


async def test_a_fault_of_ours_says_nothing_of_the_payment(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def fail(request: CallRequest) -> CallOutcome:
        raise RuntimeError(f"cannot store {request.credential}")

    with caplog.at_level(logging.DEBUG):
        seen = await visit(door(Counter(fail)), "GET", WEATHER, {"PAYMENT-SIGNATURE": "c2VjcmV0"})
    assert seen.status == 503
    assert seen["retry-after"]
    assert seen["payment-required"] is None
    assert "RuntimeError" in caplog.text
    for text in (caplog.text, seen.body.decode(), str(seen.headers)):
        assert "c2VjcmV0" not in text
        assert "cannot store" not in text


async def test_a_fault_gives_its_place_back() -> None:
    def fail(request: CallRequest) -> CallOutcome:
        raise RuntimeError

    narrow = door(Counter(fail), calls_max=1)
    for _ in range(3):
        assert (await visit(narrow, "GET", WEATHER, PAID)).json["error"] == "internal_fault"


async def test_a_fault_names_the_payment_at_hand_and_no_other(counter: Counter) -> None:
    def fail(request: CallRequest) -> CallOutcome:
        if request.fresh:
            payment_at_hand.set(PAYMENT)
        raise RuntimeError

    broken = door(Counter(fail))
    named = await visit(broken, "GET", WEATHER, {**PAID, "X-Souk-Fresh": "1"})
    assert (named.status, named.json["error"]) == (503, "internal_fault")
    assert named.json["status_url"] == f"https://souk.example/p/{PAYMENT}"
    assert named["x-souk-payment"] == str(PAYMENT)
    assert named["retry-after"]
    assert "may have been taken" in named.json["detail"]
    assert named["payment-required"] is None
    other = await visit(broken, "GET", WEATHER, PAID)  # on the same connection
    assert (other.status, other.json["error"]) == (503, "internal_fault")
    assert "status_url" not in other.json
    assert other["x-souk-payment"] is None
