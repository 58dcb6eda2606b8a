"""What a process says to its log, for programs: one JSON object a line.

Each line names the request in whose course it was said and the payment it is about, where there
is one. Nothing is added to a message but that: what must not be in a log is in none of them.
"""

from __future__ import annotations

import json
import logging
import os
import re
import secrets
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any, Final, cast

from asgiref.typing import HTTPScope
from django.conf import settings

from payments.at_hand import payment_at_hand

_GIVEN: Final = re.compile(rb"[A-Za-z0-9_-]{8,64}")
_PAYMENT: Final = re.compile(r"(?:payment |/p/)([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})")


_NUMBER: Final = "souk.request"  # in the scope, once it was asked for: most requests say nothing

_request: ContextVar[HTTPScope | None] = ContextVar("request", default=None)


def note_request(scope: HTTPScope) -> None:
    """Whatever this task and its children say from now on is about this request."""
    _request.set(scope)


def request_id() -> str:
    """The number of the request at hand; "" where there is none.

    A proxy of ours has numbered it already; a stranger's number would be anything.
    """
    scope = _request.get()
    if scope is None:
        return ""
    request = cast(dict[str, Any], scope)
    if _NUMBER not in request:
        given = b""
        if settings.PROXY_HOPS:
            given = dict(request["headers"]).get(b"x-request-id", b"")
        request[_NUMBER] = given.decode() if _GIVEN.fullmatch(given) else secrets.token_hex(8)
    return str(request[_NUMBER])


class JsonLine(logging.Formatter):
    """A record as one line of JSON."""

    def format(self, record: logging.LogRecord) -> str:
        message = record.getMessage()
        said = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": message,
            "request": request_id(),
            "payment": _payment_of(message),
            "process": record.process,
            "error": self.formatException(record.exc_info) if record.exc_info else "",
        }
        return json.dumps({name: value for name, value in said.items() if value})


def line_of_server() -> logging.Formatter:
    """What `granian.json` asks for: the web server's own lines look like ours.

    It is asked before any application is loaded, so this is what reads the settings first.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    if settings.LOG_FORMAT == "json":
        return JsonLine()
    formatters: Any = settings.LOGGING["formatters"]
    return logging.Formatter(formatters["line"]["format"])


def _payment_of(message: str) -> str:
    named = _PAYMENT.search(message)
    if named:
        return named[1]
    return str(payment_at_hand.get() or "")
