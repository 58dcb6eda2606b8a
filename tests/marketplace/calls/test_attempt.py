"""One attempt and its successor in the same process: each keeps what is its own."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from marketplace.calls import attempt as attempts
from marketplace.calls.attempt import Attempt
from marketplace.calls.shares import Share, Shares
from payments.ids import new_id

PAYMENT = new_id()


@pytest.mark.parametrize(("successor", "left"), [(2, {PAYMENT: 2}), (None, {})])
async def test_an_attempt_that_lost_its_lease_leaves_its_successors_alone(
    monkeypatch: pytest.MonkeyPatch, successor: int | None, left: dict[Any, int]
) -> None:
    room: Any = SimpleNamespace(leases={})
    attempt = Attempt(
        PAYMENT, 1, "0xbuyer", "key", b"", Share(Shares(1), "acme/weather"), upfront=True
    )

    async def not_to_be_done(*_: object) -> object:
        assert room.leases == {PAYMENT: 1}
        if successor is not None:
            room.leases[PAYMENT] = successor
        return SimpleNamespace(paid=False)

    monkeypatch.setattr(attempts, "settle_first", not_to_be_done)
    await attempts._work(room, None, attempt, None)  # type: ignore[arg-type]

    assert room.leases == left
