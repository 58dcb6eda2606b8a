"""The one file here that reads settings: it hands every part of `payments` what it needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any
from uuid import UUID

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django.utils.module_loading import import_string

from payments.chains import Chain
from payments.chains.evm import EvmChain
from payments.desk import Desk, NetworkTerms
from payments.egress import (
    EgressRule,
    open_trusted_client,
    own_addresses,
    own_names,
    parse_allowance,
)
from payments.exposure import Exposure, Trust
from payments.facilitators.calls import CallLimits, Facilitator, FacilitatorCalls
from payments.facilitators.lineup import FacilitatorList
from payments.facilitators.settling import Facilitators
from payments.leaving import LeavingTerms
from payments.origins import network_in
from payments.pool import Pool, open_pool
from payments.receipts.signing import (
    Signer,
    did_document,
    did_web,
    generate_pem,
    public_key_from_pem,
)
from payments.relaying.relayer import BATCH_GAS, MEMBER_GAS, TRANSACTION_GAS_MAX, Keyring
from payments.relaying.settling import Relaying
from payments.wakeups import MONEY_MOVED, WORK_TO_SETTLE, Bell
from payments.ways import Way
from payments.written import payment_page
from payments.x402.networks import DEFAULT_ASSETS, NETWORKS, Asset, address_bytes, checksum

GWEI = 10**9
INCLUSION_BLOCKS = 5  # within which a transaction comes into one
_SIGNING_KEYS_KEPT_MAX = 4_096  # one for each listing that is called
_BATCH_FITS = (TRANSACTION_GAS_MAX - BATCH_GAS) // MEMBER_GAS


def linked_wallets(user_id: int) -> Iterable[tuple[str, str, bool]]:
    """An account's wallets, as whoever keeps accounts knows them: address, network, pays only."""
    found: Iterable[tuple[str, str, bool]] = import_string(settings.LINKED_WALLETS)(user_id)
    return found


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


def seller_gas_caps() -> dict[str, int]:
    """What the gas of one seller may cost in a day, in wei, by network; 0 is no cap."""
    return {
        network: int(chain["SELLER_GAS_DAY_WEI"])
        for network, chain in settings.CHAINS.items()
        if not settles_by_facilitator(network)
    }


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


def keyring(network: str) -> Keyring:
    """Only the worker calls this: no other process needs the relayer's key."""
    chain = settings.CHAINS[network]
    keys = list(chain["RELAYER_KEYS"])
    for name in chain["RELAYER_KEY_FILES"]:
        try:
            keys += Path(name).read_text(encoding="utf-8").split()
        except OSError as error:
            raise ImproperlyConfigured(
                f"CHAINS[{network}][RELAYER_KEY_FILES] names {name!r}, which cannot be read"
                f" ({error.strerror})."
            ) from None
    try:
        return Keyring(network, NETWORKS[network].chain_id, keys)
    except ValueError:
        raise ImproperlyConfigured(
            f"CHAINS[{network}] holds a relayer key that is no private key: expected 32 bytes"
            " of hex."
        ) from None


@cache
def receipt_signer() -> Signer:
    if settings.RECEIPT_KEY:
        return Signer.from_pem(settings.RECEIPT_KEY, did_web(settings.PUBLIC_BASE_URL))
    if settings.DEVELOPMENT:
        return Signer.from_pem(generate_pem(), did_web(settings.PUBLIC_BASE_URL))
    raise ImproperlyConfigured(
        "RECEIPT_KEY is missing; expected an Ed25519 key in PEM in the file RECEIPT_KEY_FILE."
    )


def insist_on_keys() -> None:
    """What a worker cannot settle without; one that lacks it would look well and move nothing."""
    try:
        receipt_signer()
    except ValueError:
        raise ImproperlyConfigured("RECEIPT_KEY is no Ed25519 key in PEM.") from None
    for network in networks():
        keyring(network)


def leaving_terms() -> LeavingTerms:
    return LeavingTerms(settings.ANSWERS_IN_HAND_BYTES_MAX, settings.STREAM_STALL_SECONDS)


def offer_signer() -> Signer | None:
    """Who signs quotes: nobody without RECEIPT_KEY, as a key made up here would verify nowhere."""
    return receipt_signer() if settings.RECEIPT_KEY else None


def receipt_key_document() -> dict[str, Any]:
    """What this site says of its receipt key; needs its public half only."""
    pem = settings.RECEIPT_PUBLIC_KEY
    key = public_key_from_pem(pem) if pem else receipt_signer().public_key
    return did_document(key, did_web(settings.PUBLIC_BASE_URL))


def count_secret() -> bytes:
    """What hides whom a count is of; every process of the site has the same."""
    return settings.SECRET_KEY.encode()


def origin_of(request: HttpRequest) -> str:
    """The network of whoever asks; nothing where that cannot be known."""
    peer, told = request.META.get("REMOTE_ADDR", ""), request.headers.get("X-Forwarded-For", "")
    return network_in(peer, told, settings.PROXY_HOPS)


def refund_requests_per_minute() -> int:
    """How often a network may ask for refunds, or how they stand."""
    per_minute: int = settings.REFUND_REQUESTS_PER_MINUTE
    return per_minute


def wallet_proofs_per_minute() -> int:
    """How many proofs of one network the chain is asked about."""
    per_minute: int = settings.WALLET_PROOFS_PER_MINUTE
    return per_minute


def sign_in_secret() -> bytes:
    """What seals the questions that wallets answer; every process of the site has the same."""
    return hashlib.sha256(f"souk sign-in-with-x {settings.SECRET_KEY}".encode()).digest()


def public_url(path: str) -> str:
    return f"{settings.PUBLIC_BASE_URL}{path}"


def payment_url(payment_id: UUID) -> str:
    return payment_page(settings.PUBLIC_BASE_URL, payment_id)


def confirmations(network: str) -> int | None:
    """How many blocks make a payment final; None for a network that was given up."""
    chain = settings.CHAINS.get(network)
    return int(chain["CONFIRMATIONS"]) if chain else None


def auditing_rpc(network: str) -> str:
    """The node that the ledger is compared with: the first one named."""
    return str(settings.CHAINS[network]["RPC"][0])


def explorer_url(network: str) -> str:
    """Where people look transactions up; the demo's own chain has no such place."""
    known, chain = NETWORKS.get(network), settings.CHAINS.get(network)
    is_demo = chain is not None and settings.DEMO_CHAIN_RPC in chain["RPC"]
    return known.explorer_url if known and not is_demo else ""


def exposure() -> Exposure:
    return Exposure(
        payer=settings.EXPOSURE_PAYER,
        listing=settings.EXPOSURE_LISTING,
        site=settings.EXPOSURE_SITE,
        site_slices=settings.EXPOSURE_SITE_SLICES,
        trust=Trust(
            price=settings.INSTANT_PRICE_MAX,
            payer=settings.INSTANT_PAYER,
            listing=settings.INSTANT_LISTING,
            site=settings.INSTANT_SITE,
        ),
    )


def forgive_seconds() -> int:
    """How long an answer that was never paid takes up room under the caps of instant release."""
    return int(settings.INSTANT_LOSS_SECONDS)


@dataclass(frozen=True, slots=True)
class DisputeTerms:
    """How long buyers and sellers have, and how often the chain is searched for a refund."""

    window_days: int  # after a payment it can be disputed for so long
    answer_days: int
    refund_days: int
    search_seconds: int


def dispute_terms() -> DisputeTerms:
    return DisputeTerms(
        window_days=settings.DISPUTE_WINDOW_DAYS,
        answer_days=settings.DISPUTE_ANSWER_DAYS,
        refund_days=settings.DISPUTE_REFUND_DAYS,
        search_seconds=settings.DISPUTE_SEARCH_SECONDS,
    )


def egress_rule() -> EgressRule:
    allowed = tuple(parse_allowance(text) for text in settings.EGRESS_ALLOW)
    own = (*settings.ALLOWED_HOSTS, *settings.OWN_ADDRESSES)
    return EgressRule(allowed, own=own_addresses(own), own_names=own_names(own))


def upstream_signing_key(listing_id: str) -> bytes:
    """The key with which a listing's upstream can check that a call came from here."""
    return _signing_key(settings.SECRET_KEY, listing_id)


@lru_cache(maxsize=_SIGNING_KEYS_KEPT_MAX)
def _signing_key(secret: str, listing_id: str) -> bytes:
    return hashlib.sha256(f"souk upstream {listing_id} {secret}".encode()).digest()


def direct_database_url() -> str:
    """Where LISTEN works: poolers in transaction mode cannot carry it."""
    return str(settings.DATABASE_DIRECT_URL)


async def open_main_pool() -> Pool:
    """The worker's connections for what takes as long as it takes, and those of commands."""
    return await open_pool(settings.DATABASE_URL, size_max=settings.DATABASE_POOL_MAX)


async def open_door_pool() -> Pool:
    """The door's connections: buyers wait for every statement."""
    answer_ms = int(settings.DATABASE_ANSWER_SECONDS * 1_000)
    return await open_pool(
        settings.DATABASE_URL,
        size_max=settings.DATABASE_POOL_MAX,
        statement_ms_max=min(filter(None, (settings.STATEMENT_MS_MAX, answer_ms)), default=0),
        answer_seconds=settings.DATABASE_ANSWER_SECONDS,
    )


async def open_settling_pool() -> Pool:
    """The settlers' connections: a look that hangs must not be their last."""
    return await open_pool(
        settings.DATABASE_URL,
        size_max=settings.DATABASE_POOL_MAX,
        statement_ms_max=int(settings.DATABASE_SETTLING_SECONDS * 1_000),
        answer_seconds=settings.DATABASE_SETTLING_SECONDS,
    )


async def open_site_pool(size_max: int) -> Pool:
    """Connections for the site's few pages that need the door's plain SQL."""
    return await open_pool(
        settings.DATABASE_URL,
        size_max=size_max,
        answer_seconds=settings.DATABASE_ANSWER_SECONDS,
        is_idle=True,
    )


def facilitators(network: str) -> list[Facilitator]:
    """The operator's list, in the order in which they are asked."""
    return [
        Facilitator(entry["NAME"], entry["URL"], entry["HEADERS"], entry["HEADERS_FILE"])
        for entry in settings.CHAINS[network]["FACILITATORS"]
    ]


def facilitator_calls(network: str) -> list[FacilitatorCalls]:
    """The calls to them. Only the worker and `doctor` make any."""
    limits = CallLimits(
        settle_seconds=settings.FACILITATOR_SETTLE_SECONDS,
        ask_seconds=settings.FACILITATOR_ASK_SECONDS,
        answer_bytes_max=settings.FACILITATOR_ANSWER_BYTES_MAX,
    )
    connections_max = settings.FACILITATOR_IN_FLIGHT_MAX + 1  # and one to ask what it supports
    open_client = partial(open_trusted_client, limit=connections_max)
    return [
        FacilitatorCalls(each, limits, open_client=open_client) for each in facilitators(network)
    ]


def settles_by_facilitator(network: str) -> bool:
    return bool(settings.CHAINS[network]["SETTLE"] == "facilitator")


def open_way(pool: Pool, network: str) -> Way:
    """How this network is settled: by our relayer, or by the facilitators of its list."""
    if not settles_by_facilitator(network):
        return Relaying()
    members = FacilitatorList(
        network,
        facilitator_calls(network),
        poll_seconds=settings.FACILITATOR_POLL_SECONDS,
        rest_seconds=settings.FACILITATOR_REST_SECONDS,
        in_flight_max=settings.FACILITATOR_IN_FLIGHT_MAX,
    )
    return Facilitators(
        network,
        members,
        bell=Bell(pool, WORK_TO_SETTLE),
        max_timeout_seconds=settings.MAX_TIMEOUT_SECONDS,
        settle_seconds=settings.FACILITATOR_SETTLE_SECONDS,
    )


def open_desk(pool: Pool, network: str) -> Desk:
    return Desk(
        pool=pool,
        chain=open_chain(network),
        terms=network_terms(network),
        keyring=keyring(network),
        signer=receipt_signer(),
        moved=Bell(pool, MONEY_MOVED),
        way=open_way(pool, network),
    )
