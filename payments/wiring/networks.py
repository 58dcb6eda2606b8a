"""The networks that are settled here, as the operator set them."""

from __future__ import annotations

from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from payments.chains import Chain
from payments.chains.evm import EvmChain
from payments.egress import open_trusted_client
from payments.relaying.relayer import BATCH_GAS, MEMBER_GAS, TRANSACTION_GAS_MAX
from payments.settling.desk import NetworkTerms
from payments.x402.networks import DEFAULT_ASSETS, NETWORKS, Asset, address_bytes, checksum

GWEI = 10**9
INCLUSION_BLOCKS = 5  # within which a transaction comes into one
_BATCH_FITS = (TRANSACTION_GAS_MAX - BATCH_GAS) // MEMBER_GAS


def networks() -> list[str]:
    """The networks this marketplace settles."""
    return list(settings.CHAINS)


def known_assets(network: str) -> dict[str, Asset]:
    """Every token that may ever have been accepted on a network, by checksummed address.

    What was promised in one before it was taken out of ASSETS is settled and audited all the same.
    """
    return {a.address: a for a in DEFAULT_ASSETS if a.network == network}


def assets(network: str) -> dict[str, Asset]:
    """The tokens that new calls are sold for on a network, by checksummed address."""
    known = known_assets(network)
    found: dict[str, Asset] = {}
    for address in settings.CHAINS[network]["ASSETS"]:
        spelled = checksum(address_bytes(address))
        if spelled not in known:
            raise ImproperlyConfigured(
                f"CHAINS[{network}][ASSETS] names {address}: no EIP-3009 token known there."
            )
        found[spelled] = known[spelled]
    return found


def network_terms(network: str) -> NetworkTerms:
    chain = settings.CHAINS[network]
    known = known_assets(network)
    decimals = max(asset.decimals for asset in known.values())
    return NetworkTerms(
        network=network,
        chain_id=NETWORKS[network].chain_id,
        assets=frozenset(known),
        multicall=chain["MULTICALL"],
        confirmations=int(chain["CONFIRMATIONS"]),
        fee_cap_wei=int(Decimal(str(chain["FEE_CAP_GWEI"])) * GWEI),
        batch_max=min(int(chain["BATCH_MAX"]), _BATCH_FITS),
        block_seconds=float(chain["BLOCK_SECONDS"]),
        lag_seconds=settings.HEAD_STALE_SECONDS,
        settle_margin_seconds=settle_margin_seconds(network),
        stuck_seconds=settings.STUCK_SECONDS,
        relayer_low_wei=settings.RELAYER_LOW_WEI,
        agree_above_atomic=int(Decimal(str(chain["AGREE_ABOVE"])) * 10**decimals),
        price_floor=Decimal(str(chain["PRICE_FLOOR"])),
        lease_seconds=settings.LEASE_SECONDS,
        take_up_seconds=settings.JOIN_SECONDS,
    )


def settle_margin_seconds(network: str) -> int:
    """What a signature still needs when its payment is sent: for our own work, and for a block."""
    blocks_seconds = INCLUSION_BLOCKS * float(settings.CHAINS[network]["BLOCK_SECONDS"])
    return int(settings.SETTLE_MARGIN_SECONDS) + int(blocks_seconds)


def confirmations(network: str) -> int | None:
    """How many blocks make a payment final; None for a network that was given up."""
    chain = settings.CHAINS.get(network)
    return int(chain["CONFIRMATIONS"]) if chain else None


def seller_gas_caps() -> dict[str, int]:
    """What the gas of one seller may cost in a day, in wei, by network; 0 is no cap."""
    return {
        network: int(chain["SELLER_GAS_DAY_WEI"])
        for network, chain in settings.CHAINS.items()
        if not settles_by_facilitator(network)
    }


def settles_by_facilitator(network: str) -> bool:
    return bool(settings.CHAINS[network]["SETTLE"] == "facilitator")


def open_chain(network: str) -> Chain:
    chain = settings.CHAINS[network]
    return EvmChain(
        network,
        NETWORKS[network].chain_id,
        chain["RPC"],
        open_client=open_trusted_client,
        multicall=chain["MULTICALL"],
        timeout_seconds=settings.RPC_TIMEOUT_SECONDS,
        response_bytes_max=settings.RPC_RESPONSE_BYTES_MAX,
        websocket_url=chain["WEBSOCKET"],
        head_poll_seconds=int(chain["HEAD_POLL_MS"]) / 1000,
    )


def auditing_rpc(network: str) -> str:
    """The node that the ledger is compared with: the first one named."""
    return str(settings.CHAINS[network]["RPC"][0])


def explorer_url(network: str) -> str:
    """Where people look transactions up; the demo's own chain has no such place."""
    known, chain = NETWORKS.get(network), settings.CHAINS.get(network)
    is_demo = chain is not None and settings.DEMO_CHAIN_RPC in chain["RPC"]
    return known.explorer_url if known and not is_demo else ""
