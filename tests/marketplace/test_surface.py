"""The web process says so, and does not start, where it could not bear its work."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from marketplace import surface
from marketplace.surface import Surface
from tests.fixtures.storefront import Storefront


async def started(which: str) -> list[dict[str, Any]]:
    """What it says to a server that starts it."""
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    process = Surface(None, surface=which)  # type: ignore[arg-type]
    await process({"type": "lifespan"}, receive, send)  # type: ignore[arg-type, typeddict-item]
    return sent


async def test_it_does_not_start_on_slow_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface, "slow_keccak", lambda: ["keccak-256 comes from pysha3"])
    (said,) = await started("site")
    assert said == {"type": "lifespan.startup.failed", "message": "keccak-256 comes from pysha3"}


@pytest.mark.parametrize("which", ["door", "all"])
async def test_nothing_is_sold_without_the_list_of_who_is_denied(
    which: str, tmp_path: Path, settings: Settings
) -> None:
    settings.DENY_ADDRESSES = str(tmp_path / "denied.txt")
    (said,) = await started(which)
    assert said["type"] == "lifespan.startup.failed"
    assert "SOUK_DENY_ADDRESSES" in said["message"]
    assert settings.DENY_ADDRESSES in said["message"]


@pytest.mark.parametrize("which", ["door", "all"])
async def test_nothing_is_sold_on_a_database_that_may_forget(
    which: str, storefront: Storefront, settings: Settings
) -> None:
    settings.DATABASE_URL += "&options=-c%20synchronous_commit%3Doff"
    (said,) = await started(which)
    assert said == {
        "type": "lifespan.startup.failed",
        "message": "The door cannot open: PostgreSQL runs with synchronous_commit=off; set it to"
        " on for this database.",
    }


@pytest.mark.parametrize(("name", "reached"), [("site", True), ("door", False)])
async def test_the_site_alone_sells_nothing(name: str, reached: bool) -> None:
    """`/call/` and `/mcp` take payments, for which the site holds nothing open."""
    asked: list[str] = []

    async def pages(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])

    door_opens = Surface(pages, surface=name)
    door_opens._open = _opened_without_a_database  # type: ignore[method-assign]
    paths = ["/call/acme/weather", "/mcp", "/mcp/acme", "/mcp/server-card"]
    for path in paths:
        with contextlib.suppress(_Opened):
            await door_opens(_scope(path), None, None)  # type: ignore[arg-type]
    assert asked == (paths if reached else [])
    await door_opens(_scope("/mcpx"), None, _nobody)  # type: ignore[arg-type]
    assert asked == ([*paths, "/mcpx"] if reached else [])


class _Opened(Exception):
    pass


async def _opened_without_a_database() -> None:
    raise _Opened


async def _nobody(message: Any) -> None:
    return None


def _scope(path: str) -> dict[str, Any]:
    return {"type": "http", "method": "GET", "path": path, "raw_path": path.encode()}
