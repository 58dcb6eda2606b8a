"""What goes on beside the calls goes on, whatever breaks in it."""

from __future__ import annotations

import asyncio
import logging

import pytest

from marketplace.calls import watchers
from marketplace.calls.watchers import Watchers

SECRET = "0xsignature"


async def test_a_watcher_that_breaks_is_said_and_begun_anew(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(watchers, "BEGIN_ANEW_SECONDS", 0)
    begun = 0
    again = asyncio.Event()

    async def look() -> None:
        nonlocal begun
        begun += 1
        if begun == 1:
            raise KeyError(SECRET)
        again.set()
        await asyncio.Event().wait()

    door = Watchers()
    door.begin("the shelf", look)
    async with asyncio.timeout(10):
        await again.wait()
    await door.end()

    (said,) = caplog.records
    assert said.levelno == logging.CRITICAL
    assert "the shelf broke off" in said.getMessage()
    assert "KeyError at test_watchers.py" in said.getMessage()
    assert SECRET not in caplog.text, "an error's text may quote a payment"


async def test_after_the_end_nothing_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchers, "BEGIN_ANEW_SECONDS", 0)
    begun = 0

    async def look() -> None:
        nonlocal begun
        begun += 1

    door = Watchers()
    door.begin("the shelf", look)
    while begun < 2:
        await asyncio.sleep(0)
    await door.end()
    ended_with = begun
    for _ in range(20):
        await asyncio.sleep(0.001)

    assert begun == ended_with
