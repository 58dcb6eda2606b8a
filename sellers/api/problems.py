"""One shape for every refusal of the API: a word for programs, a sentence, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework.exceptions import APIException, NotAuthenticated, NotFound, ValidationError
from rest_framework.response import Response
from rest_framework.views import exception_handler, set_rollback

from payments.wiring.site import public_url
from sellers.api.access import ScopeMissing
from sellers.refusals import ListingRefused, TooOften, Why
from sellers.secrets import SecretsUnavailable

_STATUS: Final = {Why.BAD_FIELD: 422, Why.NO_SUCH_LISTING: 404, Why.TOO_OFTEN: 429}
_CONFLICT: Final = 409
_FIX: Final = {
    "not_authenticated": "Send `Authorization: Bearer <key>` with a key made at {keys}.",
    "scope_missing": "Use a key with this scope; keys are made at {keys}.",
    "not_found": "Ids are those that the lists of this API name; {schema} has every address.",
    "method_not_allowed": "{schema} says which methods an address takes.",
    "parse_error": "Send JSON with Content-Type: application/json.",
    "unsupported_media_type": "Send JSON with Content-Type: application/json.",
    "not_acceptable": "Everything here is application/json.",
    "too_large": "Send less; samples are cut to 64 kB by you.",
    "throttled": "Wait as many seconds as Retry-After says.",
    "secrets_unavailable": "Tell the operator: SELLER_SECRETS_KEYS is missing on this site.",
    Why.BAD_FIELD: "Change the field and send it again.",
    Why.SLUG_TAKEN: "Choose another slug.",
    Why.SELLS_ALREADY: "Nothing is to be done: an account sells under one name, and this one does.",
    Why.NO_SUCH_LISTING: "Ids are those that the lists of this API name; look at /listings.",
    Why.UNCHANGED: "Nothing is to be done: these terms are live.",
    Why.NOTHING_PROPOSED: "Propose new terms first, then submit.",
    Why.NOT_SUBMITTED: "Submit it first: POST /listings/<id>/submit.",
    Why.WRONG_STATE: "Look at its state; {schema} says what can be done in which.",
    Why.CHANGED_MEANWHILE: "Read it again, and send the version that you read.",
    Why.TOO_MANY: "Remove one that is not needed.",
    Why.TOO_OFTEN: "Wait as many seconds as Retry-After says.",
    Why.PAYOUT_UNPROVEN: "Ask /payouts/ask for a text, sign it, send it to /payouts/prove.",
    Why.PAYOUT_FRESH: "Wait until the time that is named; what is live goes on selling.",
    Why.TERMS_CHANGED: "A person reads and accepts them at /sell/terms; then send it again.",
    Why.KEY_REUSED: "Take a new Idempotency-Key for a new request.",
    Why.OWN: "Somebody else has to judge it.",
    Why.MAY_NOT: "Ask somebody who judges listings here.",
    Why.HELD: "Wait until it is let go of, or take another one.",
    Why.TOO_LATE: "Nothing is to be done: it is in effect. Look at it again.",
    Why.SAID_ALREADY: "Nothing is to be done: somebody else has to say yes as well.",
}


def answer(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """The refusal as it is sent; None for a fault of ours, which is another's to say."""
    if isinstance(error, ListingRefused):
        set_rollback()
        status = _STATUS.get(error.why, _CONFLICT)
        told = problem(error.why, error.message, field=error.field)
        wait = {"Retry-After": str(error.retry_seconds)} if isinstance(error, TooOften) else {}
        return Response(told, status=status, headers=wait)
    if isinstance(error, SecretsUnavailable):
        set_rollback()
        return Response(problem("secrets_unavailable", "secrets cannot be kept here"), status=503)
    if isinstance(error, Http404):
        error = NotFound()
    if isinstance(error, PermissionDenied) or not isinstance(error, APIException):
        return exception_handler(error, dict(context))
    response = exception_handler(error, dict(context))
    assert response is not None  # DRF answers every exception of its own
    response.data = _of(error)
    if isinstance(error, ValidationError):
        response.status_code = 422
    return response


def problem(error: str, detail: str, *, field: str = "", **more: str) -> dict[str, str]:
    """The shape: `field` and others only where they say something."""
    places = {"keys": public_url("/sell/keys"), "schema": public_url("/api/sell/openapi.json")}
    said = {"error": str(error), "detail": detail, "fix": _FIX.get(error, "").format(**places)}
    return {**said, **({"field": field} if field else {}), **more}


def _of(error: APIException) -> dict[str, str]:
    if isinstance(error, NotAuthenticated):
        return problem("not_authenticated", "no key that opens this was shown")
    if isinstance(error, ScopeMissing):
        return problem("scope_missing", str(error.detail), scope=error.scope)
    if isinstance(error, ValidationError):
        field, detail = _first(error.detail)
        return problem(Why.BAD_FIELD, detail, field=field)
    codes = error.get_codes()
    return problem(codes if isinstance(codes, str) else "refused", str(error.detail))


def _first(detail: Any, path: str = "") -> tuple[str, str]:
    """The first thing that is wrong, and where: `prices.0.dollars`."""
    if isinstance(detail, Mapping):
        name, inner = next(iter(detail.items()))
        name = "" if name == "non_field_errors" else str(name)
        return _first(inner, ".".join(part for part in (path, name) if part))
    if isinstance(detail, list):
        at = next((number for number, each in enumerate(detail) if each), 0)
        nested = isinstance(detail[at], Mapping | list)
        return _first(detail[at], f"{path}.{at}" if nested else path)
    return path, str(detail)
