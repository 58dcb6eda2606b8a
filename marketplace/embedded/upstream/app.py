"""The seven tools over HTTP."""

import asyncio
import hashlib
import hmac
import math
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

from aiohttp import web
from orjson import JSONDecodeError, dumps, loads

from marketplace.embedded.upstream import tools
from marketplace.embedded.upstream.cities import as_events, look_up, tour
from marketplace.embedded.upstream.pictures import draw_identicon
from marketplace.embedded.upstream.questions import BadInput

BODY_BYTES_MAX: Final = 256 * 1024
SIGNATURE_AGE_SECONDS_MAX: Final = 300

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    *, signing_keys: Sequence[bytes] = (), report_seconds: float = 0, stop_seconds: float = 0
) -> web.Application:
    """Make the upstream; with signing keys it serves only calls the marketplace signed."""
    app = web.Application(
        client_max_size=BODY_BYTES_MAX, middlewares=[_only_signed(signing_keys), _say_what_is_wrong]
    )
    app[_REPORT_SECONDS] = report_seconds
    app[_STOP_SECONDS] = stop_seconds
    app.add_routes(
        [
            web.get("/health", _health),
            web.get("/lookup", _lookup),
            web.post("/text", _text),
            web.post("/score", _score),
            web.get("/report", _report),
            web.get("/convert/{from}/{to}", _convert),
            web.get("/identicon", _identicon),
            web.get("/tour", _tour),
        ]
    )
    return app


_REPORT_SECONDS: Final = web.AppKey("report_seconds", float)
_STOP_SECONDS: Final = web.AppKey("stop_seconds", float)


def _only_signed(keys: Sequence[bytes]) -> Any:
    @web.middleware
    async def check(request: web.Request, handler: Handler) -> web.StreamResponse:
        if keys and request.path != "/health":
            body = await request.read()
            if not any(_came_through_souk(request, body, key) for key in keys):
                return _json({"error": "not a call from the marketplace"}, status=401)
        return await handler(request)

    return check


def _came_through_souk(request: web.Request, body: bytes, key: bytes) -> bool:
    """Check the signature as any upstream would: this is the example sellers copy."""
    said = [
        request.headers.get(f"X-Souk-{name}", "")
        for name in ("Timestamp", "Payment", "Payer", "Listing")
    ]
    text = "\n".join(["souk-v1", *said, hashlib.sha256(body).hexdigest()])
    expected = "v1=" + hmac.new(key, text.encode(), "sha256").hexdigest()
    genuine = hmac.compare_digest(
        expected.encode(), request.headers.get("X-Souk-Signature", "").encode()
    )
    return genuine and abs(time.time() - int(said[0])) < SIGNATURE_AGE_SECONDS_MAX


@web.middleware
async def _say_what_is_wrong(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except BadInput as wrong:
        return _json({"error": str(wrong)}, status=422)


async def _health(request: web.Request) -> web.Response:
    return _json({"ok": True})


async def _lookup(request: web.Request) -> web.Response:
    return _json(look_up(request.query.get("city", "")))


async def _text(request: web.Request) -> web.Response:
    question = await _json_object(request)
    text, sentences = question.get("text"), question.get("sentences", 2)
    if not isinstance(text, str) or not isinstance(sentences, int):
        raise BadInput("text is a string, sentences a number")
    return _json(tools.digest_text(text, sentences))


async def _score(request: web.Request) -> web.Response:
    records = (await _json_object(request)).get("records")
    if not isinstance(records, list):
        raise BadInput("records is a list of objects")
    return _json(tools.score_records(records))


async def _report(request: web.Request) -> web.Response:
    plan = [_number(request, name) for name in ("monthly", "years", "return", "volatility")]
    # In a thread, as it takes a while; and paced, so that the demo has something slow to show.
    report = await asyncio.to_thread(tools.project_savings, plan[0], int(plan[1]), *plan[2:])
    await asyncio.sleep(request.app[_REPORT_SECONDS])
    return _json(report)


async def _convert(request: web.Request) -> web.Response:
    source, target = request.match_info["from"], request.match_info["to"]
    return _json(tools.convert(source, target, _number(request, "amount")))


async def _identicon(request: web.Request) -> web.Response:
    drawn = draw_identicon(request.query.get("seed", ""))
    return web.Response(body=drawn, content_type="image/png")


async def _tour(request: web.Request) -> web.StreamResponse:
    stops = tour(request.query.get("from", ""), int(_number(request, "stops")))
    stream = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    stream.enable_chunked_encoding()
    await stream.prepare(request)
    for event in as_events(stops):
        await stream.write(event)
        await asyncio.sleep(request.app[_STOP_SECONDS])
    await stream.write_eof()
    return stream


def _json(answer: dict[str, Any], *, status: int = 200) -> web.Response:
    return web.Response(body=dumps(answer), status=status, content_type="application/json")


def _number(request: web.Request, name: str) -> float:
    try:
        number = float(request.query.get(name, ""))
    except ValueError:
        raise BadInput(f"{name} is a number") from None
    if not math.isfinite(number):
        raise BadInput(f"{name} is a finite number")
    return number


async def _json_object(request: web.Request) -> dict[str, Any]:
    try:
        question = loads(await request.read())
    except JSONDecodeError:
        raise BadInput("the body is not JSON") from None
    if not isinstance(question, dict):
        raise BadInput("the body is a JSON object")
    return question
