"""Bodies that pages are sent: as the web server hands them over, piece by piece."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.testing import ApplicationCommunicator
from pytest_django.fixtures import Settings

from marketplace.pages import BODY_BYTES_MAX, Pages

PIECE = 1_000_000


def posting(pages: Pages, accept: bytes = b"text/html") -> ApplicationCommunicator:
    scope = {
        "type": "http", "method": "POST", "path": "/styleguide", "query_string": b"",
        "headers": [(b"host", b"127.0.0.1"), (b"accept", accept)],
    }  # fmt: skip
    return ApplicationCommunicator(pages, scope)


async def send(asked: ApplicationCommunicator, size: int) -> None:
    await asked.send_input({"type": "http.request", "body": bytes(size), "more_body": True})


async def said(asked: ApplicationCommunicator) -> tuple[int, str]:
    begun: Any = await asked.receive_output(timeout=30)
    ended: Any = await asked.receive_output(timeout=30)
    await asked.wait()
    return begun["status"], ended["body"].decode()


async def test_a_body_that_is_too_large_is_not_read_to_its_end() -> None:
    asked = posting(Pages())
    for _ in range(BODY_BYTES_MAX // PIECE + 1):
        await send(asked, PIECE)
    assert await said(asked) == (413, "Too large: at most 4,000,000 bytes.")


async def test_a_program_is_told_in_json() -> None:
    asked = posting(Pages(), accept=b"*/*")
    await send(asked, BODY_BYTES_MAX + 1)
    status, text = await said(asked)
    assert (status, json.loads(text)["error"]) == (413, "body_too_large")


async def test_a_body_that_never_ends_is_given_up(settings: Settings) -> None:
    settings.REQUEST_BODY_SECONDS = 0.05
    asked = posting(Pages())
    await send(asked, 1)
    status, text = await said(asked)
    assert (status, text) == (408, "The request took too long to arrive. Send it again.")


@pytest.mark.parametrize(
    ("setting", "most"), [("BODIES_ARRIVING_MAX", 1), ("BODIES_ARRIVING_BYTES_MAX", PIECE + 1)]
)
async def test_whoever_dawdles_longest_makes_room_for_who_comes(
    settings: Settings, setting: str, most: int
) -> None:
    setattr(settings, setting, most)
    pages = Pages()
    slow, quick = posting(pages), posting(pages)
    await send(slow, PIECE)
    assert await slow.receive_nothing()
    await send(quick, PIECE)
    await quick.send_input({"type": "http.request", "body": b""})
    assert (await said(slow))[0] == 408
    status, _ = await said(quick)
    assert status not in {408, 413}
