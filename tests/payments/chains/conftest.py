"""The client under test, on endpoints of each test's choice."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from marketplace.embedded.chain import CHAIN_ID, MULTICALL
from payments.chains.evm import EvmChain
from payments.egress import open_trusted_client
from tests.fixtures.chain import Chain
from tests.payments.chains.cast import NETWORK

Connect = Callable[..., EvmChain]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """Makes clients, closed at the end of the test."""
    made: list[EvmChain] = []

    def make(*urls: str, **options: Any) -> EvmChain:
        usual: dict[str, Any] = {
            "open_client": open_trusted_client,
            "multicall": MULTICALL,
            "timeout_seconds": 10.0,
            "response_bytes_max": 1_000_000,
        }
        made.append(EvmChain(NETWORK, CHAIN_ID, urls, **(usual | options)))
        return made[-1]

    yield make
    for evm in made:
        await evm.close()


@pytest.fixture
def evm(chain: Chain, connect: Connect) -> EvmChain:
    """A client of this test's chain, with nothing in between."""
    return connect(chain.rpc_url)
