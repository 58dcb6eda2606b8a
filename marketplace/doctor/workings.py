"""How the site does its work, from its own rows: what waits, what runs out, what fails."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.db.models import Min
from django.utils import timezone

from marketplace.doctor.findings import Finding, fail, ok, warn
from marketplace.doctor.networks import STOPPED_FIX
from marketplace.doctor.programs import GAS_FIX
from marketplace.look.times import lasting
from payments.ids import first_id
from payments.models import Heartbeat, Payment
from payments.not_charged import SELLERS_FAULTS
from payments.reports import workings
from payments.reports.case_lists import waiting_for_admins
from payments.wiring.networks import (
    assets,
    known_assets,
    networks,
    seller_gas_caps,
    settles_by_facilitator,
)
from payments.x402.networks import NETWORKS
from sellers.health.causes import cause
from sellers.models import Listing, Report, Seller
from sellers.webhooks.webhooks import waiting_messages

BACKUP = "backup"  # the sign of life that the command leaves
WAIT_WARN_SECONDS, WAIT_FAIL_SECONDS = 30, 120
MESSAGES_WARN_SECONDS = 300
RECONCILE_WARN = timedelta(hours=3)
BACKUP_WARN = timedelta(days=2)
PROPOSAL_WARN = timedelta(days=2)
IN_THE_QUEUE = (Listing.State.IN_REVIEW, Listing.State.LIVE, Listing.State.PAUSED)
YEARS_DAYS = 1_000
TROUBLES_SHOWN = 5
SELLERS_NAMED = 3
TROUBLES_WARN = 20


def examine_workings() -> Iterator[Finding]:
    """Every tile of the operator's page, as findings; no node is asked for any of it."""
    yield from settling()
    yield from gas_left()
    yield from gas_spent()
    yield from ledger()
    yield messages()
    yield endpoints()
    yield decisions()
    yield backup()
    yield size()


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


_COMPARE = (
    "`python3 manage.py reconcile`; a worker with beat does it hourly;"
    " docs/operate.md, “Reconcile is not 0”"
)
_DIFFERS = "`python3 manage.py reconcile --fix`; docs/operate.md, “Reconcile is not 0”"
_STUCK = "`python3 manage.py settle_stuck` says what keeps each; docs/operate.md, “Nobody settles”"


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
            words = f"{name}: difference {last.differences}, {_ago(last.at)}"
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


def messages() -> Finding:
    """Webhooks that are due and not out yet."""
    due, oldest = waiting_messages()
    if oldest is None:
        return ok("webhooks", "no message waits")
    age = (timezone.now() - oldest).total_seconds()
    wait = "a message waits" if due == 1 else f"{due:,} messages wait"
    words = f"{wait} for a seller's or buyer's address, the oldest for {lasting(age)}"
    if age > MESSAGES_WARN_SECONDS:
        return warn(
            "webhooks",
            words,
            "`python3 manage.py work --once` sends them; a worker with beat does it by itself;"
            " docs/operate.md, “Nobody rings”",
        )
    return ok("webhooks", words)


def endpoints() -> Finding:
    """The endpoints of sellers that failed most since yesterday."""
    found = workings.troubles(SELLERS_FAULTS, days=1, most=TROUBLES_SHOWN)
    if not found:
        return ok("endpoints", "no call failed at a seller since yesterday")
    paths = {
        each.pk: each.path
        for each in Listing.objects.select_related("seller").filter(
            pk__in=[trouble.listing_id for trouble in found]
        )
    }
    words = "; ".join(
        f"{_of_somebody(each.cause)} {'once' if each.calls == 1 else f'{each.calls:,} times'}"
        f" at {paths.get(each.listing_id, each.listing_id)}"
        for each in found
    )
    if found[0].calls < TROUBLES_WARN:
        return ok("endpoints", words)
    path = paths.get(found[0].listing_id, "seller/slug")
    fix = (
        f"their sellers see it; `python3 manage.py probe {path}` looks closer, and"
        f" `python3 manage.py listing pause {path}` stops its sales;"
        " docs/operate.md, “A seller is in trouble”"
    )
    return warn("endpoints", words, fix)


def _of_somebody(word: str) -> str:
    """The cause of a failure, said to somebody whose endpoint it is not."""
    return cause(word).text.lower().replace("your ", "the ")


_DECIDE = (
    "at /moderation/, and at /moderation/disputes/; docs/operate.md, “Moderating”,"
    " and docs/operate.md, “Disputes”"
)


def decisions() -> Finding:
    """What waits for people: proposals and reports for moderators, disputes for admins."""
    asked = Listing.objects.filter(submitted_at__isnull=False, state__in=IN_THE_QUEUE)
    oldest = asked.aggregate(oldest=Min("submitted_at"))["oldest"]
    reports = Report.objects.filter(closed_at__isnull=True).count()
    disputes = waiting_for_admins()
    waiting = [
        f"{count:,} {one if count == 1 else one + 's'}"
        for count, one in ((asked.count(), "proposal"), (reports, "report"), (disputes, "dispute"))
        if count
    ]
    if not waiting:
        return ok("decisions", "nothing waits for anybody")
    words = f"{', '.join(waiting)} to be decided"
    if disputes or reports or (oldest and timezone.now() - oldest > PROPOSAL_WARN):
        since = f"; the oldest proposal {_ago(oldest)}" if oldest else ""
        return warn("decisions", words + since, _DECIDE)
    return ok("decisions", words)


def backup() -> Finding:
    """When the database was last backed up by the command; other ways leave no trace here."""
    last = Heartbeat.objects.filter(name=BACKUP).first()
    fix = "`python3 manage.py backup /backups`, every night: docs/operate.md, “Backups”"
    if last is None:
        if settings.DEMO_CHAIN_RPC:
            return ok("backup", "the demo needs none")
        return warn("backup", "none was made with the command", fix)
    words = f"made {_ago(last.at)}"
    late = timezone.now() - last.at > BACKUP_WARN
    return warn("backup", words, fix) if late else ok("backup", words)


def size() -> Finding:
    """How big the database has become."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_database_size(current_database()), version()")
        taken, version = cursor.fetchone()
    return ok("size", f"{taken / 1_000_000:,.0f} MB in {version.split(' on ')[0]}")


def _ago(at: datetime) -> str:
    return f"{lasting((timezone.now() - at).total_seconds())} ago"
