"""Each network: node, tokens, multicall, clock, and who pays the gas, for how long."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db.models import Sum
from django.utils import timezone

from marketplace.doctor.facilitators import facilitators
from marketplace.doctor.findings import Finding, fail, ok, warn
from marketplace.embedded.demo_accounts import RELAYER
from payments import wiring
from payments.chains import Block, Chain, ChainUnavailable, RpcError
from payments.models import Broadcast, Relayer
from payments.x402.networks import NETWORKS, Asset
from payments.x402.schemes.exact_eip3009 import domain_separator

CLOCK_WARN_SECONDS = 15
PAYMENT_GAS = 71_447  # one plain settlement, measured; batches need less
PAYMENTS_WARN = 200
SPENDING_DAYS = 7
NO_TRANSACTION = bytes(32)
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
    since = timezone.now() - timedelta(days=SPENDING_DAYS)
    for row in Relayer.objects.order_by("address"):
        sent = Broadcast.objects.filter(relayer=row, created_at__gte=since)
        spent = sent.aggregate(wei=Sum("gas_cost_wei"))["wei"] or 0
        book = GasBook(row.address, row.stopped_why, float(spent) / SPENDING_DAYS)
        books.setdefault(row.network, []).append(book)
    return books


async def examine_networks(books: Mapping[str, Sequence[GasBook]]) -> list[Finding]:
    """Every configured network, one after the other."""
    if not settings.CHAINS:
        return [fail("networks", "none is configured", "set CHAINS, as docs/operate.md shows")]
    findings: list[Finding] = []
    for network in settings.CHAINS:
        chain = wiring.open_chain(network)
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
    yield clock(network, head)
    multicall = settings.CHAINS[network]["MULTICALL"]
    if not await chain.has_code(multicall):
        yield fail(network, f"no multicall at {multicall}", f"set CHAINS[{network}][MULTICALL]")
        return
    for asset in wiring.assets(network).values():
        yield await token(chain, asset)
    by_others = wiring.settles_by_facilitator(network)
    async for finding in facilitators(network) if by_others else gas(chain, relayers):
        yield finding


def clock(network: str, head: Block) -> Finding:
    """A clock that runs ahead signs nothing wrong, but refuses payments that are good."""
    apart = time.time() - head.timestamp
    stale = max(settings.HEAD_STALE_SECONDS, 5 * settings.CHAINS[network]["BLOCK_SECONDS"])
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


async def gas(chain: Chain, relayers: Sequence[GasBook]) -> AsyncIterator[Finding]:
    """The keys that pay, and for how many payments and days they still can."""
    network = chain.network
    if not relayers:
        fix = f"set CHAINS[{network}][RELAYER_KEY_FILES] in the worker and start it"
        yield fail(network, "no relayer has ever settled here", fix)
    terms = wiring.network_terms(network)
    fees = await chain.fees(cap_wei=terms.fee_cap_wei)
    if fees.base_fee_wei > terms.fee_cap_wei:
        fix = f"raise CHAINS[{network}][FEE_CAP_GWEI], or wait"
        yield fail(network, "gas costs more than FEE_CAP_GWEI; payments are refused", fix)
    for relayer in relayers:
        balance = await chain.balance(relayer.address)
        yield fuel(network, relayer, balance, max(1, fees.max_fee_wei) * PAYMENT_GAS)


def fuel(network: str, relayer: GasBook, balance_wei: int, payment_wei: int) -> Finding:
    name = f"relayer {relayer.address}"
    if relayer.stopped_why:
        words = f"{name} stopped: {relayer.stopped_why}"
        return fail(network, words, STOPPED_FIX)
    if relayer.address == RELAYER.address and not settings.DEMO_CHAIN_RPC:
        words = f"{name} is the demo's, whose key everybody knows"
        return fail(network, words, f"make a key of your own for CHAINS[{network}]")
    payments = balance_wei // payment_wei
    days = balance_wei / relayer.wei_per_day if relayer.wei_per_day else None
    lasts = "no payments yet to tell the days" if days is None else f"{days:,.0f} days"
    words = f"{name} has gas for {payments:,} payments ({lasts})"
    fix = f"send gas money to {relayer.address} on {NETWORKS[network].name}"
    if balance_wei < settings.RELAYER_LOW_WEI:
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
        return [GasBook(address) for address in wiring.keyring(network).addresses]
    except ImproperlyConfigured:
        return []
