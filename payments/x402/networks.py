"""The chains and dollar tokens that stock x402 clients know, and how addresses are written.

A chain or token missing here can still be sold on: the tables name what buyers' programs pay
with their default settings. The tokens are those of the official packages' own table that speak
EIP-3009; a test compares them with the installed package.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from payments.x402.crypto import keccak256
from payments.x402.reasons import PaymentRefused, Reason

ADDRESS = re.compile(r"0x[0-9a-fA-F]{40}")
ADDRESS_PATTERN = f"^{ADDRESS.pattern}$"  # as the database's constraints have it
ZERO_ADDRESS = "0x" + "0" * 40
# CAIP-2 allows 32 characters after the colon; EIP-2294 keeps chain ids below 2^63.
_CAIP2_EVM = re.compile(r"eip155:([1-9][0-9]{0,18})")

_BITS_40 = int.from_bytes(b"\x40" * 40, "big")
_BITS_08 = int.from_bytes(b"\x08" * 40, "big")


@dataclass(frozen=True, slots=True)
class OpenNode:
    """A node that a chain's makers keep for everybody: with it, a wallet learns a chain."""

    url: str
    coin: str  # its symbol; the coin has 18 decimals on each of these chains


@dataclass(frozen=True, slots=True)
class Network:
    """A chain, under every name that buyers and pages use for it."""

    caip2: str
    chain_id: int
    name: str
    testnet: bool = False
    v1_name: str = ""
    explorer_url: str = ""
    node: OpenNode | None = None


@dataclass(frozen=True, slots=True)
class Asset:
    """A token that buyers can pay with, and the name it signs under."""

    network: str
    address: str
    symbol: str
    decimals: int
    eip712_name: str
    eip712_version: str


@lru_cache(maxsize=8192)
def checksum(address: bytes) -> str:
    """Write an address the way wallets show it (EIP-55).

    A letter becomes a capital where the hash's digit is 8 or more. All forty at once, as one
    number: in ASCII a letter has bit 0x40, its capital lacks 0x20, and of the digits only 8 and 9
    have 0x08.
    """
    letters = int.from_bytes(address.hex().encode(), "big")
    digits = int.from_bytes(keccak256(address.hex().encode()).hex()[:40].encode(), "big")
    from_eight = (digits & _BITS_40) >> 1 | (digits & _BITS_08) << 2
    capitals = letters ^ (from_eight & (letters & _BITS_40) >> 1)
    return "0x" + capitals.to_bytes(40, "big").decode()


@lru_cache(maxsize=8192)
def address_bytes(text: str) -> bytes:
    """Read a written address, in whatever mixture of cases; ValueError when it is none."""
    if not ADDRESS.fullmatch(text):
        raise ValueError("not an address: 0x and 40 hexadecimal digits")
    return bytes.fromhex(text[2:])


def read_address(text: str) -> str | None:
    """A written address the way wallets show it, or None for what is none."""
    try:
        return checksum(address_bytes(text))
    except ValueError:
        return None


def chain_id_of(caip2: str) -> int:
    """Read the chain id from a network's name, or refuse a network we could never know."""
    match = _CAIP2_EVM.fullmatch(caip2)
    if match is None:
        raise PaymentRefused(Reason.UNKNOWN_NETWORK, "the network is not eip155:<chain id>")
    return int(match[1])


def _network(
    chain_id: int,
    name: str,
    explorer_url: str = "",
    *,
    v1: str = "",
    testnet: bool = False,
    node: str = "",
    coin: str = "ETH",
) -> Network:
    known = OpenNode(node, coin) if node else None
    return Network(f"eip155:{chain_id}", chain_id, name, testnet, v1, explorer_url, known)


_NETWORKS = (
    _network(8453, "Base", "https://basescan.org", v1="base", node="https://mainnet.base.org"),
    _network(
        84532, "Base Sepolia", "https://sepolia.basescan.org", v1="base-sepolia", testnet=True,
        node="https://sepolia.base.org",
    ),
    _network(1, "Ethereum", "https://etherscan.io", v1="ethereum"),
    _network(137, "Polygon", "https://polygonscan.com", v1="polygon"),
    _network(42161, "Arbitrum One", "https://arbiscan.io", node="https://arb1.arbitrum.io/rpc"),
    _network(
        421614, "Arbitrum Sepolia", "https://sepolia.arbiscan.io", testnet=True,
        node="https://sepolia-rollup.arbitrum.io/rpc",
    ),
    _network(
        43114, "Avalanche", "https://snowtrace.io", v1="avalanche",
        node="https://api.avax.network/ext/bc/C/rpc", coin="AVAX",
    ),
    _network(143, "Monad", "https://monadvision.com", v1="monad"),
    _network(
        10143, "Monad Testnet", "https://testnet.monadvision.com", v1="monad-testnet", testnet=True
    ),
    _network(
        42220, "Celo", "https://celoscan.io", v1="celo",
        node="https://forno.celo.org", coin="CELO",
    ),
    _network(11142220, "Celo Sepolia", "https://celo-sepolia.blockscout.com", testnet=True),
    _network(1329, "Sei", "https://seiscan.io", v1="sei"),
    _network(1328, "Sei Testnet", "https://testnet.seiscan.io", v1="sei-testnet", testnet=True),
    _network(50, "XDC", "https://xdcscan.com"),
    _network(51, "XDC Apothem", "https://testnet.xdcscan.com", testnet=True),
    _network(5042, "Arc"),
    _network(5042002, "Arc Testnet", "https://testnet.arcscan.app", testnet=True),
    _network(988, "Stable", "https://stablescan.xyz", v1="stable"),
    _network(
        2201, "Stable Testnet", "https://testnet.stablescan.xyz", v1="stable-testnet", testnet=True
    ),
    _network(14, "Flare", "https://flarescan.com", v1="flare"),
    _network(36900, "ADI Chain"),
    _network(190415, "HPP"),
    _network(181228, "HPP Sepolia", testnet=True),
)  # fmt: skip
NETWORKS: dict[str, Network] = {network.caip2: network for network in _NETWORKS}


def _usdc(
    chain_id: int, address: str, name: str = "USDC", symbol: str = "USDC", version: str = "2"
) -> Asset:
    return Asset(f"eip155:{chain_id}", address, symbol, 6, name, version)


# The official TypeScript package (2.27) lists no token there, so that it signs nothing untold.
UNKNOWN_TO_TYPESCRIPT = frozenset({"eip155:5042", "eip155:5042002", "eip155:10143"})

# In the order clients prefer them: the first of a network is what its "$0.10" means.
DEFAULT_ASSETS: tuple[Asset, ...] = (
    _usdc(8453, "0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913", "USD Coin"),
    _usdc(84532, "0x036CbD53842c5426634e7929541eC2318f3dCF7e"),
    _usdc(1, "0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48", "USD Coin"),
    _usdc(137, "0x3c499c542cEF5E3811e1192ce70d8cC03d5c3359", "USD Coin"),
    _usdc(42161, "0xaf88d065e77c8cC2239327C5EDb3A432268e5831", "USD Coin"),
    _usdc(421614, "0x75faf114eafb1BDbe2F0316DF893fd58CE46AA4d", "USD Coin"),
    _usdc(43114, "0xB97EF9Ef8734C71904D8002F8b6Bc66Dd9c48a6E", "USD Coin"),
    _usdc(143, "0x754704Bc059F8C67012fEd69BC8A327a5aafb603"),
    _usdc(10143, "0x534b2f3A21130d7a60830c2Df862319e593943A3"),
    _usdc(42220, "0xcebA9300f2b948710d2653dD7B07f33A8B32118C"),
    _usdc(42220, "0x48065fbBE25f71C9282ddf5e1cD6D6A887483D5e", "Tether USD", "USDT", "1"),
    _usdc(42220, "0xD2ab3C9A02DBBAB236BfEC45D1d755DF4267F771", "Tether America USD", "USAT", "1"),
    _usdc(11142220, "0x01C5C0122039549AD1493B8220cABEdD739BC44E"),
    _usdc(1329, "0xe15fC38F6D8c56aF07bbCBe3BAf5708A2Bf42392"),
    _usdc(1328, "0x4fCF1784B31630811181f670Aea7A7bEF803eaED"),
    _usdc(50, "0xfA2958CB79b0491CC627c1557F441eF849Ca8eb1"),
    _usdc(51, "0xb5AB69F7bBada22B28e79C8FFAECe55eF1c771D4"),
    _usdc(5042, "0x3600000000000000000000000000000000000000"),
    _usdc(5042002, "0x3600000000000000000000000000000000000000"),
    _usdc(988, "0x779Ded0c9e1022225f8E0630b35a9b54bE713736", "USDT0", "USDT0", "1"),
    _usdc(2201, "0x78Cf24370174180738C5B8E352B6D14c83a6c9A9", "USDT0", "USDT0", "1"),
    _usdc(14, "0xe7cd86e13AC4309349F30B3435a9d337750fC82D", "USD₮0", "USDT0", "1"),
    _usdc(36900, "0x9cb8142aEBBcdc60AF7c97Af897A67A8f3CA71C2", "USDC.e", "USDC.e"),
    _usdc(190415, "0x401eCb1D350407f13ba348573E5630B83638E30D", "Bridged USDC", "USDC.e"),
    _usdc(181228, "0x401eCb1D350407f13ba348573E5630B83638E30D", "Bridged USDC", "USDC.e"),
)


def known_assets() -> dict[tuple[str, str], Asset]:
    """Every token that is known, by its network and address."""
    return {(asset.network, asset.address): asset for asset in DEFAULT_ASSETS}
