"""Whoever has paid, or is about to, is not told that nothing was charged, nor to pay anew."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast
from uuid import UUID

import pytest

from marketplace.calls import coming_back
from marketplace.calls.outcomes import Unavailable
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from marketplace.calls.trying_again import take_up
from payments import lookup
from payments.lookup import Held
from payments.models import Money, Work

PAYMENT = UUID("01890000-0000-7000-8000-000000000001")
HELD = Held(
    payment_id=PAYMENT,
    network="eip155:84532",
    scheme="exact",
    asset="0x036CbD53842c5426634e7929541eC2318f3dCF7e",
    payer="0x00000000000000000000000000000000DeaDBeef",
    pay_to="0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB",
    amount_atomic=10_000,
    nonce=bytes(32),
    valid_before=2**32,
    identity=bytes(16),
    fingerprint=bytes(32),
    revision_hash=bytes(32),
    listing_path="acme/weather",
    listing_id=UUID(int=1),
    identifier_hash=None,
    release="upfront",
    on_trust=False,
    work=Work.OPEN,
    money=Money.SETTLED,
    version=3,
    attempt=1,
    definite_failures=0,
    identifier_misses=0,
    abandoned=True,
    collected=False,
    lease_left_seconds=-1,
    age_seconds=40,
    transaction=b"\x12" * 32,
    created_at=datetime(2026, 11, 30, tzinfo=UTC),
)
NOBODY_ASKS = cast("CallRequest", None)
IN_THE_END = "signed afresh by the same wallet within"


def room(*, sold: bool) -> Room:
    """Where every place at the seller's is taken, or what was bought is gone."""
    listing = SimpleNamespace(path="acme/weather", upstream=SimpleNamespace(origin="seller"))

    async def by_hash(path: str, revision_hash: bytes) -> Any:
        return listing if sold else None

    stub = SimpleNamespace(
        shelf=SimpleNamespace(by_hash=by_hash),
        places=SimpleNamespace(is_crowded=lambda origin: True),
        at_work=None,
        pool=None,
    )
    return cast("Room", stub)


@pytest.mark.parametrize("money", [Money.BROADCAST, Money.SETTLED, Money.CONFIRMED])
async def test_where_there_is_no_room_the_money_is_said_to_move(money: Money) -> None:
    held = replace(HELD, money=money)

    said = await take_up(room(sold=True), held, NOBODY_ASKS, b"")

    assert isinstance(said, Unavailable)
    assert (said.error, said.payment_id) == ("busy", PAYMENT)
    assert "othing was charged" not in said.detail
    assert ("You have paid" in said.detail) == (money != Money.BROADCAST)
    assert said.settlement is not None
    assert said.settlement.success == (money != Money.BROADCAST)
    assert "sign-in-with-x" in said.extensions


async def test_what_is_no_longer_sold_and_only_on_its_way_is_not_known_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    held = replace(HELD, money=Money.BROADCAST)

    async def by_id(pool: object, payment_id: UUID) -> Held:
        return held

    monkeypatch.setattr(lookup, "by_id", by_id)

    said = await take_up(room(sold=False), held, NOBODY_ASKS, b"")

    assert isinstance(said, Unavailable)
    assert (said.error, said.payment_id) == ("settlement_pending", PAYMENT)


WAITING = replace(HELD, release="hold", work=Work.ANSWERED, lease_left_seconds=9)


@pytest.mark.parametrize(
    "left",
    [WAITING, replace(HELD, abandoned=False)],
    ids=["its buyer went away", "its process died"],
)
def test_what_its_buyer_left_is_joined_by_a_fresh_signature(left: Held, settings: Any) -> None:
    settings.JOIN_SECONDS = 600
    assert f"{IN_THE_END} 560 s" in coming_back.how(left)


@pytest.mark.parametrize(
    "changed",
    [{"abandoned": False}, {"collected": True}, {"age_seconds": 600.5}],
    ids=["its buyer waits", "collected", "too long ago"],
)
def test_where_a_fresh_signature_would_be_a_purchase_nobody_is_told_to_make_one(
    changed: dict[str, Any], settings: Any
) -> None:
    settings.JOIN_SECONDS = 600
    said = coming_back.how(replace(WAITING, **changed))
    assert IN_THE_END not in said
    assert "Do not sign another" in said
    assert "payment-identifier" in said
    assert "SIGN-IN-WITH-X" in said
