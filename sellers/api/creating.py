"""Creations: done once for each `Idempotency-Key`, whatever the network does to their answers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

import orjson
from django.db import transaction
from rest_framework.request import Request
from rest_framework.response import Response

from sellers.api.access import seller_of_key
from sellers.programs.repeats import Done, once

HEADER = "Idempotency-Key"


def created(
    request: Request,
    create: Callable[[], dict[str, Any]],
    hidden: tuple[str, ...] = (),
    status: int = 201,
) -> Response:
    """Create and answer so, or answer as the twin of this request was answered."""

    def do() -> Done:
        return Done(status, orjson.loads(orjson.dumps(create())))

    key = request.headers.get(HEADER)
    if key is None:
        with transaction.atomic():
            done = do()
    else:
        done = once(seller_of_key(request).pk, key, _hash(request), do, hidden)
    headers = {"Idempotent-Replay": "true"} if done.before else {}
    return Response(done.answer, status=done.status, headers=headers)


def _hash(request: Request) -> bytes:
    """The same for the same request: its method, its address and its document."""
    document = orjson.dumps(request.data, option=orjson.OPT_SORT_KEYS)
    said = f"{request.method} {request.path}\n".encode() + document
    return hashlib.sha256(said).digest()
