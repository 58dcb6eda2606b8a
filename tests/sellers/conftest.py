"""A site that takes two networks, and ordinary drafts for it."""

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from payments.egress import EgressRule, parse_allowance
from payments.x402.networks import DEFAULT_ASSETS
from sellers.drafts import Draft, finish
from sellers.prices import Ask
from sellers.site import Accepted, Site
from sellers.terms import Sample, Terms

BASE, SEPOLIA = "eip155:8453", "eip155:84532"
WALLET = "0x00000000000000000000000000000000DeaDBeef"
OTHER_WALLET = "0xABaBaBaBABabABabAbAbABAbABabababaBaBABaB"
SAMPLE = Sample(200, "application/json", b'{"celsius":21}')
SITE = Site(
    call_base_url="https://market.example",
    public_base_url="https://market.example",
    accepted=tuple(
        Accepted(
            next(each for each in DEFAULT_ASSETS if each.network == network), Decimal(floor), 40
        )
        for network, floor in ((SEPOLIA, "0.001"), (BASE, "0.002"))
    ),
    price_max=Decimal(100),
    max_timeout_seconds=300,
    settle_margin_seconds=30,
    instant_price_max=Decimal("0.10"),
    price_grace_seconds=300,
    answer_keep_days=7,
    answer_bytes_max=10_000_000,
    connect_seconds=5,
    first_byte_seconds=60,
    total_seconds=90,
    egress=EgressRule((parse_allowance("127.0.0.0/8:9999"),)),
    secrets_keys=(),
    looks_hour_max=60,
    documents_hour_max=60,
    payout_cooldown_seconds=86_400,
    join_seconds=600,
    refund_days=30,
)
ORDINARY = Draft(
    upstream_url="http://127.0.0.1:9999/weather",
    title="City weather",
    description="The weather of a city now.",
    sample=SAMPLE,
    prices=(Ask("0.01", SEPOLIA, WALLET),),
)


@pytest.fixture
def site() -> Site:
    return SITE


@pytest.fixture
def make_terms() -> Callable[..., Terms]:
    """Finished terms; what is not said is ordinary."""

    def make(**changed: Any) -> Terms:
        return finish(replace(ORDINARY, **changed), SITE)

    return make
