"""Who calls: a program with a seller's key, and what that key may do. No cookie opens anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, Protocol

import orjson
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication
from rest_framework.decorators import (
    api_view,
    authentication_classes,
    parser_classes,
    permission_classes,
    throttle_classes,
)
from rest_framework.exceptions import APIException, NotAuthenticated, ParseError
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import JSONParser
from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle

from payments import rates
from payments.rates import Rate
from sellers.models import ApiKey, Seller
from sellers.programs.keys import recognise
from sellers.site import key_limits

BODY_BYTES_MAX = 1_000_000
SCHEME = "bearer"
_RATE = "souk_rate"


class ScopeMissing(APIException):
    """The key is good and may not do this; which scope it lacks is said."""

    status_code = 403
    default_code = "scope_missing"

    def __init__(self, scope: str) -> None:
        super().__init__(f"this key does not have the scope {scope}")
        self.scope = scope


class BodyTooLarge(APIException):
    """More than a listing can ever need."""

    status_code = 413
    default_code = "too_large"
    default_detail = f"a request's body has at most {BODY_BYTES_MAX} bytes"


class BearerKey(BaseAuthentication):
    """`Authorization: Bearer souk_…`, and nothing else: every failure looks the same."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, ApiKey]:
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        key = recognise(shown.strip()) if scheme.lower() == SCHEME else None
        if key is None:
            raise NotAuthenticated
        return AnonymousUser(), key  # nobody is signed in: the key is all there is

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="seller"'


class BearerKeyScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the document says that a key is needed."""

    target_class = BearerKey
    name = "key"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "A key made at /sell/keys."}


class KeyRate(BaseThrottle):
    """So many calls a minute with one key, in all processes: enough for any honest program."""

    _rate: Rate | None = None

    def allow_request(self, request: Request, view: Any) -> bool:
        self._rate = rates.take("api key", str(key_of(request).pk), key_limits().calls_per_minute)
        setattr(request._request, _RATE, self._rate)  # for the headers of the answer
        return self._rate.allows

    def wait(self) -> float | None:
        return self._rate.retry_seconds if self._rate else None


def _told(view: Any) -> Any:
    """Every answer says how fast its key may go on."""

    @wraps(view)
    def answered(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
        response: HttpResponse = view(request, *args, **named)
        rate: Rate | None = getattr(request, _RATE, None)
        for name, said in rate.headers.items() if rate else ():
            response[name] = said
        return response

    return answered


class BoundedJson(JSONParser):
    """JSON within a limit of bytes; nothing is read beyond it."""

    def parse(
        self,
        stream: Any,
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        raw = stream.read(BODY_BYTES_MAX + 1)
        if len(raw) > BODY_BYTES_MAX:
            raise BodyTooLarge
        try:
            return orjson.loads(raw or b"{}")
        except orjson.JSONDecodeError as wrong:
            raise ParseError(f"the body is no JSON: {wrong}") from None


class Whatever(DefaultContentNegotiation):
    """For a file, whatever a program says that it accepts; refusals are JSON as everywhere."""

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> tuple[Any, str]:
        return renderers[0], renderers[0].media_type


class View(Protocol):
    """A view of the API."""

    def __call__(self, request: Request, **named: Any) -> Response: ...


def endpoint(**scopes: str) -> Callable[[Any], Any]:
    """`@endpoint(GET="listings:read", POST="listings:write")`: who may call a view, and how."""

    class Scoped(BasePermission):
        def has_permission(self, request: Request, view: Any) -> bool:
            scope = scopes.get("GET" if request.method == "HEAD" else str(request.method), "")
            if scope and scope not in key_of(request).scopes:
                raise ScopeMissing(scope)
            return True

    def guarded(view: Any) -> Any:
        for decorate in (
            throttle_classes([KeyRate]),
            permission_classes([Scoped]),
            parser_classes([BoundedJson]),
            authentication_classes([BearerKey]),
            api_view(list(scopes)),
            never_cache,
            _told,
        ):
            view = decorate(view)
        return view

    return guarded


def key_of(request: Request) -> ApiKey:
    """The key that opened this call."""
    assert isinstance(request.auth, ApiKey)
    return request.auth


def acting(request: Request) -> str:
    """The program that calls, as the audit log names it."""
    return f"key:{key_of(request).pk}"


def seller_of_key(request: Request) -> Seller:
    """Whose program this is."""
    return key_of(request).seller
