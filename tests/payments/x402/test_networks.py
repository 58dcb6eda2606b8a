"""Chains, tokens and addresses, held against the packages buyers run."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st
from x402.mechanisms.evm.default_assets import DEFAULT_ASSETS as OFFICIAL_ASSETS
from x402.mechanisms.evm.v1.constants import V1_NETWORK_CHAIN_IDS

from payments.x402.networks import (
    DEFAULT_ASSETS,
    NETWORKS,
    Asset,
    address_bytes,
    chain_id_of,
    checksum,
)
from payments.x402.reasons import PaymentRefused, Reason


def test_our_tokens_are_exactly_the_official_ones_that_speak_eip3009():
    official = [
        Asset(
            network,
            entry["asset"],
            entry["symbol"],
            entry["decimals"],
            entry["name"],
            entry["version"],
        )
        for network, entries in OFFICIAL_ASSETS.items()
        for entry in entries
        if entry.get("asset_transfer_method") != "permit2"
    ]
    assert set(DEFAULT_ASSETS) == set(official)
    for network in NETWORKS:
        ours = [asset for asset in DEFAULT_ASSETS if asset.network == network]
        assert ours == [asset for asset in official if asset.network == network]


def test_every_token_stands_on_a_chain_we_can_name():
    assert {asset.network for asset in DEFAULT_ASSETS} == NETWORKS.keys()
    for caip2, network in NETWORKS.items():
        assert network.caip2 == caip2
        assert chain_id_of(caip2) == network.chain_id


def test_the_names_of_version_1_are_the_official_ones():
    ours = {network.chain_id: network.v1_name for network in NETWORKS.values()}
    official = {chain_id: name for name, chain_id in V1_NETWORK_CHAIN_IDS.items()}
    assert ours == {chain_id: official.get(chain_id, "") for chain_id in ours}


def test_the_nodes_for_everybody_and_their_coins_are_the_commonly_known_ones():
    published = files("eth_utils") / "__json" / "eth_networks.json"
    known = {each["chainId"]: each for each in json.loads(published.read_text())}
    nodes = {each.chain_id: each.node for each in NETWORKS.values() if each.node is not None}
    assert nodes.keys() >= {8453, 84532}
    for chain_id, node in nodes.items():
        assert node.url in {url.rstrip("/") for url in known[chain_id]["rpc"]}
        coin = known[chain_id]["nativeCurrency"]
        assert (node.coin, 18) == (coin["symbol"], coin["decimals"])
        assert NETWORKS[f"eip155:{chain_id}"].explorer_url


@given(st.binary(min_size=20, max_size=20))
def test_an_address_is_written_as_wallets_show_it(address):
    assert checksum(address) == to_checksum_address(address)
    assert address_bytes(checksum(address)) == address


@pytest.mark.parametrize(
    "write", [str.lower, str.swapcase, lambda text: text.upper()], ids=["lower", "swapped", "upper"]
)
def test_an_address_is_read_in_any_mixture_of_cases(write):
    address = DEFAULT_ASSETS[0].address
    assert address_bytes("0x" + write(address[2:])) == address_bytes(address)


@pytest.mark.parametrize(
    "text",
    [
        *("", "0x", "a" * 40, "0X" + "a" * 40, "0x" + "a" * 39, "0x" + "a" * 41, "0x" + "g" * 40),
        *("0x" + "a" * 40 + "\n", " 0x" + "a" * 40, "0x" + "a" * 38 + " a", "0x" + "١" * 40),
    ],
)
def test_what_is_not_an_address_is_not_read(text):
    with pytest.raises(ValueError, match="not an address"):
        address_bytes(text)


@pytest.mark.parametrize(
    "caip2",
    [
        *("", "base", "eip155", "eip155:", "eip155:0", "eip155:084532", "eip155:-1", "eip155:1 "),
        *("eip155:84532\n", "solana:mainnet", "EIP155:1", "eip155:" + "9" * 20, "eip155:1:2"),
    ],
)
def test_a_network_that_is_no_chain_of_ours_is_refused(caip2):
    with pytest.raises(PaymentRefused) as refusal:
        chain_id_of(caip2)
    assert refusal.value.reason is Reason.UNKNOWN_NETWORK
