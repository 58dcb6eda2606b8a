"""Each network: node, tokens, multicall, clock, and who pays the gas, for how long."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_UP, Decimal

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from marketplace.doctor.facilitators import facilitators
from marketplace.doctor.findings import Finding, fail, ok, warn
from marketplace.embedded.demo_accounts import RELAYER
from payments.chains import Block, Chain, ChainUnavailable, Fees, RpcError
from payments.models import Relayer
from payments.relaying import seats
from payments.reports.workings import wei_per_day
from payments.settling.unpaid import EARLIER_SECONDS, begin
from payments.wiring.bounds import exposure
from payments.wiring.keys import keyring
from payments.wiring.networks import assets, network_terms, open_chain, settles_by_facilitator
from payments.x402.networks import NETWORKS, Asset
from payments.x402.schemes.exact_eip3009 import domain_separator

CLOCK_WARN_SECONDS = 15
PAYMENT_GAS = 71_447  # one plain settlement, measured; batches need less
BATCHED_GAS = 45_000  # one in a batch of fifty, measured, with its share of the transaction
PAYMENTS_WARN = 200
NO_TRANSACTION = bytes(32)
NOBODYS = ("0x" + "00" * 20, bytes(32))  # an authorization that nobody ever signed
NO_EVENT = bytes(32)
WINDOW_MARGIN_SECONDS = 60  # what a signature may be good for, beyond MAX_TIMEOUT_SECONDS
MEMORY_FIX = (
    "a node in CHAINS[{network}][RPC] must keep events and receipts from block {start} on, and the"
    " state of its newest blocks; it needs no older state"
)
STOPPED_FIX = "`python3 manage.py relayer show`, then docs/operate.md, “A relayer that stopped”"
RPC_FIX = "check CHAINS[{network}][RPC]: every URL must serve this network"


@dataclass(frozen=True, slots=True)
class GasBook:
    """What our own rows say of one relayer."""

    address: str
    stopped_why: str = ""
    wei_per_day: float = 0.0


def read_gas_books() -> dict[str, list[GasBook]]:
    """Every relayer that has ever settled, by network."""
    books: dict[str, list[GasBook]] = {}
    burnt = wei_per_day()
    for row in Relayer.objects.order_by("address"):
        book = GasBook(row.address, row.stopped_why, burnt.get(row.pk, 0.0))
        books.setdefault(row.network, []).append(book)
    return books


async def examine_networks(books: Mapping[str, Sequence[GasBook]]) -> list[Finding]:
    """Every configured network, one after the other."""
    if not settings.CHAINS:
        return [fail("networks", "none is configured", "set CHAINS, as docs/operate.md shows")]
    findings: list[Finding] = []
    for network in settings.CHAINS:
        chain = open_chain(network)
        relayers = _in_use(books.get(network, ()), _own_relayers(network))
        try:
            async for finding in examine_network(chain, relayers):
                findings.append(finding)  # noqa: PERF401  (kept when the node then falls silent)
        except (ChainUnavailable, RpcError) as error:
            fix = RPC_FIX.format(network=network)
            findings.append(fail(network, f"no answer: {error}", fix))
        finally:
            await chain.close()
    return findings


async def examine_network(chain: Chain, relayers: Sequence[GasBook]) -> AsyncIterator[Finding]:
    network = chain.network
    head = await chain.head()
    await chain.agreed_receipt(NO_TRANSACTION)  # asks every endpoint, and for its chain id
    endpoints = len(settings.CHAINS[network]["RPC"])
    yield ok(network, f"{NETWORKS[network].name}, block {head.number}, endpoints: {endpoints}")
    if endpoints == 1 and not NETWORKS[network].testnet:
        yield _one_word(network)
    yield clock(network, head)
    multicall = settings.CHAINS[network]["MULTICALL"]
    if not await chain.has_code(multicall):
        yield fail(network, f"no multicall at {multicall}", f"set CHAINS[{network}][MULTICALL]")
        return
    for asset in assets(network).values():
        yield await token(chain, asset)
        yield await memory(chain, asset, head)
    by_others = settles_by_facilitator(network)
    async for finding in facilitators(network) if by_others else gas(chain, relayers):
        yield finding


def _one_word(network: str) -> Finding:
    above = Decimal(settings.CHAINS[network]["AGREE_ABOVE"])
    if exposure().price_max <= above:
        return ok(network, f"no payment is above AGREE_ABOVE, {above:f} dollars")
    words = f"one node has the only word on payments of {above:f} dollars and more"
    return warn(network, words, f"name a node of somebody else in CHAINS[{network}][RPC]")


def clock(network: str, head: Block) -> Finding:
    """A clock that runs ahead signs nothing wrong, but refuses payments that are good."""
    apart = time.time() - head.timestamp
    stale = max(settings.HEAD_STALE_SECONDS, 5 * network_terms(network).block_seconds)
    if apart < -CLOCK_WARN_SECONDS:
        words = f"our clock is {-apart:.0f} s behind the newest block"
        return warn(network, words, "set the clock: run an NTP client")
    if apart > stale:
        words = f"the newest block is {apart:.0f} s old"
        return fail(network, words, "the chain or node stands still, or our clock is ahead")
    return ok(network, f"clock and newest block are {abs(apart):.0f} s apart")


async def token(chain: Chain, asset: Asset) -> Finding:
    """What the token says of itself, against what we let buyers sign."""
    facts = await chain.token_facts(asset.address)
    expected = {
        "name": (asset.eip712_name, facts.name),
        "version": (asset.eip712_version, facts.version),
        "decimals": (asset.decimals, facts.decimals),
        "DOMAIN_SEPARATOR": (
            domain_separator(
                asset.eip712_name,
                asset.eip712_version,
                NETWORKS[chain.network].chain_id,
                asset.address,
            ).hex(),
            facts.domain_separator.hex() if facts.domain_separator else None,
        ),
    }
    wrong = [
        f"{field} is {found}, not {wanted}"
        for field, (wanted, found) in expected.items()
        if wanted != found
    ]
    if wrong:
        words = f"{asset.symbol} {asset.address}: {'; '.join(wrong)}"
        return fail(chain.network, words, f"correct CHAINS[{chain.network}][ASSETS] or the RPC")
    return ok(chain.network, f"{asset.symbol} is the token that buyers sign for")


async def memory(chain: Chain, asset: Asset, head: Block) -> Finding:
    """Whether the node still has what tells how payments ended that we did not bring on chain."""
    final = await chain.block("finalized") or head
    terms = network_terms(chain.network)
    seconds = settings.MAX_TIMEOUT_SECONDS + WINDOW_MARGIN_SECONDS
    claimed = final.number - terms.blocks_in(seconds)
    start = max(0, begin(terms, claimed) - terms.blocks_in(EARLIER_SECONDS))
    try:
        await chain.authorization_states(asset.address, [NOBODYS], head.number)
        await chain.logs(asset.address, [NO_EVENT], start, head.number)
    except ChainUnavailable as error:
        words = f"{asset.symbol}: what became of payments cannot be read back to {start}: {error}"
        return fail(chain.network, words, MEMORY_FIX.format(network=chain.network, start=start))
    words = f"{asset.symbol}: the node has the events from block {start} on, and the newest state"
    return ok(chain.network, words)


async def gas(chain: Chain, relayers: Sequence[GasBook]) -> AsyncIterator[Finding]:
    """The keys that pay, and for how many payments and days they still can."""
    network = chain.network
    if not relayers:
        fix = f"set CHAINS[{network}][RELAYER_KEY_FILES] in the worker and start it"
        yield fail(network, "no relayer has ever settled here", fix)
    terms = network_terms(network)
    fees = await chain.fees(cap_wei=terms.fee_cap_wei)
    if fees.base_fee_wei > terms.fee_cap_wei:
        fix = f"raise CHAINS[{network}][FEE_CAP_GWEI], or wait"
        yield fail(network, "gas costs more than FEE_CAP_GWEI; payments are refused", fix)
    if not NETWORKS[network].testnet:
        yield price_floor(network, fees)
    for relayer in relayers:
        balance = await chain.balance(relayer.address)
        yield fuel(network, relayer, balance, fees)


def price_floor(network: str, fees: Fees) -> Finding:
    """What a payment costs us, now and at the cap, against the least that a call may cost."""
    chain = settings.CHAINS[network]
    terms = network_terms(network)
    coin = Decimal(str(chain["COIN_DOLLARS"]))
    now_wei = (fees.base_fee_wei + fees.priority_fee_wei) * BATCHED_GAS
    most_wei = terms.fee_cap_wei * BATCHED_GAS
    now, most = (Decimal(wei) / 10**18 * coin for wei in (now_wei, most_wei))
    words = (
        f"the gas of a payment in a batch costs {now_wei:,} wei now (about {_dollars(now)} dollars)"
        f" and up to {most_wei:,} at FEE_CAP_GWEI (about {_dollars(most)}), at {coin} dollars a"
        f" coin; PRICE_FLOOR is {terms.price_floor:f}"
    )
    if terms.price_floor < now:
        least = (2 * now).quantize(Decimal("0.0001"), ROUND_UP)
        fix = f"set CHAINS[{network}][PRICE_FLOOR] to {least} or more, or correct COIN_DOLLARS"
        return warn(network, f"{words}: less than the gas", fix)
    return ok(network, words)


def _dollars(amount: Decimal) -> str:
    if amount >= 1:
        return f"{amount:,.2f}"
    return f"{amount:.2g}" if amount >= Decimal("0.0001") else "less than 0.0001"


def fuel(network: str, relayer: GasBook, balance_wei: int, fees: Fees) -> Finding:
    name = f"relayer {relayer.address}"
    if relayer.stopped_why:
        words = f"{name} stopped: {relayer.stopped_why}"
        return fail(network, words, STOPPED_FIX)
    if relayer.address == RELAYER.address and not settings.DEMO_CHAIN_RPC:
        words = f"{name} is the demo's, whose key everybody knows"
        return fail(network, words, f"make a key of your own for CHAINS[{network}]")
    payments = balance_wei // (max(1, fees.max_fee_wei) * PAYMENT_GAS)
    days = balance_wei / relayer.wei_per_day if relayer.wei_per_day else None
    lasts = "no payments yet to tell the days" if days is None else f"{days:,.0f} days"
    words = f"{name} has gas for {payments:,} payments ({lasts})"
    fix = f"send gas money to {relayer.address} on {NETWORKS[network].name}"
    if balance_wei < seats.low_wei(settings.RELAYER_LOW_WEI, fees):
        return fail(network, words, fix)
    if payments < PAYMENTS_WARN or (days is not None and days < settings.GAS_DAYS_WARN):
        return warn(network, words, fix)
    return ok(network, words)


def _in_use(books: Sequence[GasBook], own: Sequence[GasBook]) -> Sequence[GasBook]:
    """The relayers that sign now; one whose key was taken away is history."""
    mine = {relayer.address for relayer in own}
    return [book for book in books if not mine or book.address in mine] or own


def _own_relayers(network: str) -> list[GasBook]:
    """The relayers this process has the keys of: none, where only the worker does."""
    try:
        return [GasBook(address) for address in keyring(network).addresses]
    except ImproperlyConfigured:
        return []
