"""Our own node may be asked; nothing else on the network may."""

import pytest

from marketplace.embedded.rpc import NodeRefusedError, NodeSilentError, call
from tests.fixtures.chain import Chain
from tests.fixtures.rpc_proxy import RpcProxy


def test_it_gives_the_result(chain: Chain) -> None:
    assert call(chain.rpc_url, "eth_chainId") == hex(chain.chain_id)


def test_a_refusal_carries_the_nodes_words(chain: Chain) -> None:
    with pytest.raises(NodeRefusedError, match="eth_nonsense") as refused:
        call(chain.rpc_url, "eth_nonsense")
    assert refused.value.code == -32601


@pytest.mark.parametrize(
    "address",
    [
        "http://192.0.2.1:8545",
        "http://node.example:8545",
        "https://127.0.0.1:8545",
        "http://127.0.0.1",
        "http://127.0.0.1.example:8545",
        "file:///etc/hosts",
    ],
)
def test_it_asks_nobody_but_this_machine(address: str) -> None:
    with pytest.raises(ValueError, match="not a node on this machine"):
        call(address, "eth_chainId")


def test_silence_is_told(closed_port: int) -> None:
    with pytest.raises(NodeSilentError, match="No EVM node answers"):
        call(f"http://127.0.0.1:{closed_port}", "eth_chainId")


def test_an_answer_that_is_no_answer_is_told(rpc_proxy: RpcProxy) -> None:
    rpc_proxy.fail("eth_chainId", status=200)
    with pytest.raises(NodeSilentError):
        call(rpc_proxy.url, "eth_chainId")
