"""How the money moves, from the site's own rows: settled, spent on gas, compared with the chain."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.utils import timezone

from marketplace.doctor.findings import Finding, ago, fail, ok, warn
from marketplace.doctor.networks import STOPPED_FIX
from marketplace.doctor.programs import GAS_FIX
from marketplace.look.times import lasting
from payments.ids import first_id
from payments.models import Payment
from payments.reports import workings
from payments.wiring.networks import (
    assets,
    known_assets,
    networks,
    seller_gas_caps,
    settles_by_facilitator,
)
from payments.x402.networks import NETWORKS
from sellers.models import Seller

WAIT_WARN_SECONDS, WAIT_FAIL_SECONDS = 30, 120
RECONCILE_WARN = timedelta(hours=3)
YEARS_DAYS = 1_000
SELLERS_NAMED = 3
_COMPARE = (
    "`python3 manage.py reconcile`; a worker with beat does it hourly;"
    " docs/operate.md, “Reconcile is not 0”"
)
_DIFFERS = "`python3 manage.py reconcile --fix`; docs/operate.md, “Reconcile is not 0”"
_STUCK = "`python3 manage.py settle_stuck` says what keeps each; docs/operate.md, “Nobody settles”"


def settling() -> Iterator[Finding]:
    """What is answered and not paid, and how quick the last ones were."""
    yield from given_up()
    late = {each.network: each for each in workings.waiting()}
    quick = {each.network: each for each in workings.speeds()}
    for network in networks():
        name = NETWORKS[network].name
        speed = quick.get(network)
        pace = (
            f"the last {speed.payments} in {max(0.1, speed.p50_seconds):.1f} s"
            if speed
            else "none lately"
        )
        wait = late.get(network)
        if wait is None:
            yield ok("settling", f"everything is settled on {name}; {pace}")
            continue
        age = (timezone.now() - wait.oldest).total_seconds()
        left = wait.soonest_end_unix - timezone.now().timestamp()
        words = f"{answers_wait(wait.payments)} on {name}, the oldest for {lasting(age)}"
        if left < settings.SETTLE_MARGIN_SECONDS or age > WAIT_FAIL_SECONDS:
            yield fail("settling", f"{words}; one runs out in {lasting(left)}", _STUCK)
        elif age > WAIT_WARN_SECONDS:
            yield warn("settling", words, _STUCK)
        else:
            yield ok("settling", f"{words}; {pace}")


def answers_wait(count: int) -> str:
    return (
        "1 answer waits for its money" if count == 1 else f"{count:,} answers wait for their money"
    )


def given_up() -> Iterator[Finding]:
    """Payments that nobody settles, confirms or voids: their network was taken out of CHAINS."""
    for network, payments, _ in workings.unfinished_elsewhere(networks()):
        name = NETWORKS[network].name if network in NETWORKS else network
        count = "one payment is" if payments == 1 else f"{payments:,} payments are"
        words = f"{count} not finished on {name}, which is not in CHAINS"
        fix = (
            f"put {network} back into CHAINS until `doctor` no longer says this; retire what is"
            " sold there first, if nothing more is to be sold;"
            " docs/operate.md, “A network that is taken out”"
        )
        yield fail("settling", words, fix)


def gas_left() -> Iterator[Finding]:
    """How long the keys that pay last, at the pace of the last week."""
    relayed = [n for n in networks() if not settles_by_facilitator(n)]
    for tank in workings.fuel(relayed):
        name = NETWORKS[tank.network].name
        for stopped in tank.stopped:
            yield warn("gas", f"relayer {stopped}", STOPPED_FIX)
        lasts = "nothing spent yet" if tank.days is None else f"lasts {in_days(tank.days)}"
        words = f"gas on {name}: {_coins(tank.balance_wei)} coins, {lasts}"
        if tank.is_low or tank.balance_wei < settings.RELAYER_LOW_WEI:
            yield fail("gas", words, GAS_FIX)
        elif tank.days is not None and tank.days < settings.GAS_DAYS_WARN:
            yield warn("gas", words, GAS_FIX)
        else:
            yield ok("gas", words)


def gas_spent() -> Iterator[Finding]:
    """The sellers whose gas for today is spent: their calls are refused until midnight UTC."""
    by_network: dict[str, list[UUID]] = {}
    for use in workings.spent_up(seller_gas_caps()):
        by_network.setdefault(use.network, []).append(use.seller_id)
    for network, sellers in by_network.items():
        slugs = (
            Seller.objects.filter(pk__in=sellers).order_by("slug").values_list("slug", flat=True)
        )
        named = ", ".join(slugs[:SELLERS_NAMED]) or f"{len(sellers)} sellers"
        more = f" and {len(sellers) - SELLERS_NAMED} more" if len(sellers) > SELLERS_NAMED else ""
        words = f"the gas of today is spent on {NETWORKS[network].name} for {named}{more}"
        fix = (
            f"their calls are refused until midnight UTC; raise CHAINS[{network}]"
            "[SELLER_GAS_DAY_WEI] and restart, then `python3 manage.py doctor`;"
            " docs/operate.md, “Networks”"
        )
        yield warn("gas", words, fix)
    for network in workings.burnt_in_vain(seller_gas_caps()):
        name = NETWORKS[network].name
        words = f"transactions on {name} that brought no payment on chain have cost too much today"
        fix = (
            "wallets that are contracts and have never paid here are refused until midnight UTC;"
            " `/admin/payments/failedsend/` names them; docs/operate.md, “Networks”"
        )
        yield warn("gas", words, fix)


def in_days(days: float) -> str:
    """How long gas lasts, as exactly as such a guess deserves."""
    return "years" if days > YEARS_DAYS else f"{days:,.0f} days"


def _coins(wei: int) -> str:
    coins = Decimal(wei) / 10**18
    return f"{coins:.4f}" if coins >= Decimal("0.001") else f"{coins.normalize():f}"


def ledger() -> Iterator[Finding]:
    """What the last comparison of the books with the chain came to."""
    found = {(each.network, each.asset): each for each in workings.reconciliations()}
    for network in networks():
        offered = assets(network)
        for address, asset in known_assets(network).items():
            name = f"{asset.symbol} on {NETWORKS[network].name}"
            last = found.get((network, address))
            if last is None and address not in offered:
                continue
            if last is None:
                yield _never_compared(network, address, name)
                continue
            words = f"{name}: difference {last.differences}, {ago(last.at)}"
            if last.differences:
                yield fail("ledger", words, _DIFFERS)
            elif timezone.now() - last.at > RECONCILE_WARN:
                yield warn("ledger", words, _COMPARE)
            else:
                yield ok("ledger", words)


def _never_compared(network: str, asset: str, name: str) -> Finding:
    before = first_id((timezone.now() - RECONCILE_WARN).timestamp())
    sold = Payment.objects.filter(pk__lt=before, network=network, asset=asset)
    if sold.exists():
        return warn("ledger", f"{name} has never been compared with the chain", _DIFFERS)
    return ok("ledger", f"{name}: nothing is old enough to be compared with the chain")
