"""The web process says so, and does not start, where it could not bear its work."""

from __future__ import annotations

from typing import Any

import pytest

from marketplace import surface
from marketplace.surface import Surface


async def test_it_does_not_start_on_slow_cryptography(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(surface, "slow_keccak", lambda: ["keccak-256 comes from pysha3"])
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, str]:
        return {"type": "lifespan.startup"}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    site = Surface(None, surface="site")  # type: ignore[arg-type]
    await site({"type": "lifespan"}, receive, send)  # type: ignore[arg-type, typeddict-item]

    assert sent == [{"type": "lifespan.startup.failed", "message": "keccak-256 comes from pysha3"}]
