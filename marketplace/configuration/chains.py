"""The networks that are sold on: what each may be told, and what is good where nothing is said."""

from __future__ import annotations

import json
from decimal import Decimal, InvalidOperation
from typing import Any

from marketplace.configuration.facilitators import facilitators_of
from marketplace.configuration.readers import is_url, read, wrong
from payments.x402.networks import ADDRESS, DEFAULT_ASSETS, NETWORKS

GAS_DAY_DOLLARS = 30  # of gas for one seller in a day, where the operator names no number of wei
MULTICALL = "0xcA11bde05977b3631167028862bE2a173976CA11"
CHAIN_DEFAULTS: dict[str, Any] = {
    "RPC": [],
    "WEBSOCKET": "",
    "ASSETS": [],  # addresses; by default the network's known dollar
    "SETTLE": "relayer",  # or "facilitator"
    "FACILITATORS": [],  # in the order in which they are asked
    "RELAYER_KEYS": [],
    "RELAYER_KEY_FILES": [],
    "CONFIRMATIONS": 12,
    "PRICE_FLOOR": "0.001",  # dollars; about twice the gas of one batched payment
    "FEE_CAP_GWEI": 50,
    "COIN_DOLLARS": "3000",  # what the chain's coin costs, about; gas is paid in it
    "SELLER_GAS_DAY_WEI": 10**16,  # gas spent for one seller in a day; 0 is no cap
    "BATCH_MAX": 200,
    "HEAD_POLL_MS": 500,
    "BLOCK_SECONDS": 12.0,
    "MULTICALL": MULTICALL,
    "AGREE_ABOVE": "100",  # dollars; from here on two configured endpoints must agree
}
# Gas on an L2 costs thousandths of a gwei, and the coin is a dear one: a cap of some gwei would let
# a payment cost more than a dollar. Twenty times Base's own least base fee (0.005 gwei) and ten
# times Arbitrum's (0.02) is a rush; what goes beyond it waits.
_BASE_CAP_GWEI, _ARBITRUM_CAP_GWEI = "0.1", "0.2"
# Coins, rounded, as they stood at the end of 2026: good for how many digits a cap has.
_POL, _AVAX, _MON, _CELO, _SEI = "0.15", "15", "0.025", "0.12", "0.12"
_XDC, _FLR, _ADI, _DOLLAR = "0.04", "0.012", "3", "1"
CHAIN_PRESETS: dict[str, dict[str, Any]] = {
    "eip155:8453": {"CONFIRMATIONS": 10, "FEE_CAP_GWEI": _BASE_CAP_GWEI, "BLOCK_SECONDS": 2.0},
    "eip155:84532": {"CONFIRMATIONS": 5, "FEE_CAP_GWEI": 5, "BLOCK_SECONDS": 2.0},
    "eip155:1": {"CONFIRMATIONS": 12, "PRICE_FLOOR": "0.50", "FEE_CAP_GWEI": 100},
    "eip155:137": {
        "CONFIRMATIONS": 60, "FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 2.0, "COIN_DOLLARS": _POL,
    },
    "eip155:42161": {
        "CONFIRMATIONS": 20, "FEE_CAP_GWEI": _ARBITRUM_CAP_GWEI, "BLOCK_SECONDS": 0.25,
    },
    "eip155:421614": {"CONFIRMATIONS": 20, "FEE_CAP_GWEI": 5, "BLOCK_SECONDS": 0.25},
    "eip155:43114": {
        "CONFIRMATIONS": 5, "FEE_CAP_GWEI": 100, "BLOCK_SECONDS": 2.0, "COIN_DOLLARS": _AVAX,
    },
    # Chains whose gas costs many gwei of a cheap coin. An operator looks the numbers up again.
    "eip155:143": {"FEE_CAP_GWEI": 1_000, "BLOCK_SECONDS": 0.5, "COIN_DOLLARS": _MON},
    "eip155:10143": {"FEE_CAP_GWEI": 1_000, "BLOCK_SECONDS": 0.5, "COIN_DOLLARS": _MON},
    "eip155:42220": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 1.0, "COIN_DOLLARS": _CELO},
    "eip155:11142220": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 1.0, "COIN_DOLLARS": _CELO},
    "eip155:1329": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 0.5, "COIN_DOLLARS": _SEI},
    "eip155:1328": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 0.5, "COIN_DOLLARS": _SEI},
    "eip155:50": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 2.0, "COIN_DOLLARS": _XDC},
    "eip155:51": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 2.0, "COIN_DOLLARS": _XDC},
    "eip155:14": {"FEE_CAP_GWEI": 1_000, "BLOCK_SECONDS": 2.0, "COIN_DOLLARS": _FLR},
    # Gas is paid in dollars there.
    "eip155:5042": {"COIN_DOLLARS": _DOLLAR},
    "eip155:5042002": {"COIN_DOLLARS": _DOLLAR},
    "eip155:988": {"COIN_DOLLARS": _DOLLAR},
    "eip155:2201": {"COIN_DOLLARS": _DOLLAR},
    "eip155:36900": {"COIN_DOLLARS": _ADI},
}  # fmt: skip
_CHAIN_NUMBERS: dict[str, int | Decimal] = {  # the least each may be
    "CONFIRMATIONS": 1, "PRICE_FLOOR": 0, "FEE_CAP_GWEI": 0, "SELLER_GAS_DAY_WEI": 0,
    "BATCH_MAX": 1, "HEAD_POLL_MS": 10, "BLOCK_SECONDS": Decimal("0.01"), "AGREE_ABOVE": 0,
    "COIN_DOLLARS": Decimal("0.000001"),
}  # fmt: skip
_CHAIN_WHOLE = {"CONFIRMATIONS", "SELLER_GAS_DAY_WEI", "BATCH_MAX", "HEAD_POLL_MS"}


def read_chains(name: str, default: str) -> dict[str, dict[str, Any]]:
    """`{"eip155:8453": {"RPC": ["https://…"], "RELAYER_KEY_FILES": ["/run/secrets/relayer"]}}`."""
    value = read(name, default)
    try:
        given = json.loads(value)
    except ValueError:
        raise wrong(
            name, value[:40], "JSON: an object of networks, as docs/operate.md shows"
        ) from None
    if not isinstance(given, dict):
        raise wrong(name, value[:40], "a JSON object keyed by network, such as eip155:8453")
    return {network: chain_of(name, network, entry) for network, entry in given.items()}


def chain_of(name: str, network: str, entry: Any) -> dict[str, Any]:
    """One network, with what was not given filled in."""
    if network not in NETWORKS:
        known = ", ".join(sorted(NETWORKS))
        raise wrong(name, network, f"one of the networks {known}")
    if not isinstance(entry, dict) or not set(entry) <= set(CHAIN_DEFAULTS):
        unknown = sorted(set(entry) - set(CHAIN_DEFAULTS)) if isinstance(entry, dict) else entry
        raise wrong(f"{name}[{network}]", str(unknown), f"keys among {sorted(CHAIN_DEFAULTS)}")
    chain = {**CHAIN_DEFAULTS, **CHAIN_PRESETS.get(network, {}), **entry}
    rpc = chain["RPC"]
    if not isinstance(rpc, list) or not rpc or not all(is_url(url, "http") for url in rpc):
        raise wrong(f"{name}[{network}][RPC]", "…", "a list of http(s) URLs, one at least")
    if len(set(rpc)) < len(rpc):  # it would agree with itself
        raise wrong(f"{name}[{network}][RPC]", "…", "each URL once")
    if chain["WEBSOCKET"] and not is_url(chain["WEBSOCKET"], "ws"):
        raise wrong(f"{name}[{network}][WEBSOCKET]", "…", "a ws(s) URL, or nothing")
    for key, least in _CHAIN_NUMBERS.items():
        whole = key in _CHAIN_WHOLE
        chain[key] = _number(f"{name}[{network}][{key}]", chain[key], least, whole=whole)
    if "SELLER_GAS_DAY_WEI" not in entry:
        chain["SELLER_GAS_DAY_WEI"] = gas_day_wei(chain["COIN_DOLLARS"])
    for key in ("RELAYER_KEYS", "RELAYER_KEY_FILES", "ASSETS"):
        if not isinstance(chain[key], list) or not all(isinstance(v, str) for v in chain[key]):
            raise wrong(f"{name}[{network}][{key}]", "…", "a list of texts")
    for key, addresses in (("ASSETS", chain["ASSETS"]), ("MULTICALL", [chain["MULTICALL"]])):
        for address in addresses:
            if not isinstance(address, str) or not ADDRESS.fullmatch(address):
                expected = "an address: 0x and 40 hexadecimal digits"
                raise wrong(f"{name}[{network}][{key}]", str(address), expected)
    if chain["SETTLE"] not in ("relayer", "facilitator"):
        raise wrong(f"{name}[{network}][SETTLE]", str(chain["SETTLE"]), "relayer or facilitator")
    chain["FACILITATORS"] = facilitators_of(f"{name}[{network}][FACILITATORS]", chain)
    chain["ASSETS"] = _known_assets(f"{name}[{network}][ASSETS]", network, chain["ASSETS"])
    return chain


def _known_assets(name: str, network: str, named: list[str]) -> list[str]:
    known = [asset.address for asset in DEFAULT_ASSETS if asset.network == network]
    unknown = {each.lower() for each in named} - {each.lower() for each in known}
    if unknown or not known:
        raise wrong(name, ", ".join(sorted(unknown)), "addresses of EIP-3009 tokens we know there")
    return named or known


def gas_day_wei(coin_dollars: Any) -> int:
    """What a seller's gas of a day may cost on a chain whose coin costs so much."""
    return int(GAS_DAY_DOLLARS * 10**18 / Decimal(str(coin_dollars)))


def _number(name: str, value: Any, least: int | Decimal, *, whole: bool) -> int | Decimal:
    try:
        number = Decimal(str(value))
        fits = number.is_finite() and number >= least and (not whole or number == int(number))
    except InvalidOperation:
        fits = False
    if not fits or isinstance(value, bool):
        kind = "a whole number" if whole else "a number"
        raise wrong(name, str(value), f"{kind}, {least} or more")
    return int(number) if whole else number
