"""Numbers for Prometheus, all from the database: whichever process is asked says the same."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.migrations.recorder import MigrationRecorder
from django.db.models import Min
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.registry import Collector

from marketplace.doctor.audited import AT_A_GLANCE
from marketplace.doctor.workings import BACKUP
from payments import audit_log
from payments.models import ChainHealth, Heartbeat
from payments.reports import workings
from payments.restored import HELD_ROW
from payments.wiring.networks import assets, known_assets, networks, settles_by_facilitator
from sellers.models import Listing
from sellers.webhooks.webhooks import waiting_messages

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def metrics() -> bytes:
    """Everything that is worth a graph or an alarm, as it is now."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Site())
    return bytes(generate_latest(registry))


class _Site(Collector):
    def collect(self) -> Iterator[Metric]:
        yield from _payments()
        yield from _waiting()
        yield from _chains()
        yield from _gas()
        yield from _ledger()
        yield from _audited()
        yield from _others()


def _payments() -> Iterator[Metric]:
    count = GaugeMetricFamily(
        "souk_payments", "Payments, by how the work and the money stand",
        labels=["network", "asset", "work", "money"],
    )  # fmt: skip
    paid = CounterMetricFamily(
        "souk_settled_units", "What buyers have paid and is final, in the token's base units",
        labels=["network", "asset"],
    )  # fmt: skip
    sums: dict[tuple[str, str], int] = {}
    for each in workings.booked():
        count.add_metric([each.network, each.asset, each.work, each.money], each.payments)
        if each.money == "confirmed":
            key = (each.network, each.asset)
            sums[key] = sums.get(key, 0) + each.amount.atomic
    for (network, asset), atomic in sums.items():
        paid.add_metric([network, asset], atomic)
    yield count
    yield paid


def _waiting() -> Iterator[Metric]:
    late = {each.network: each for each in workings.waiting()}
    count = GaugeMetricFamily(
        "souk_unsettled_answers", "Answers whose money has not moved", labels=["network"]
    )
    oldest = GaugeMetricFamily(
        "souk_unsettled_oldest_seconds", "How long the oldest of them waits", labels=["network"]
    )
    took = GaugeMetricFamily(
        "souk_settling_seconds", "From the answer to the money, in the last hour",
        labels=["network", "quantile"],
    )  # fmt: skip
    for network in networks():
        row = late.get(network)
        count.add_metric([network], row.payments if row else 0)
        age = (timezone.now() - row.oldest).total_seconds() if row else 0
        oldest.add_metric([network], age)
    for speed in workings.speeds():
        took.add_metric([speed.network, "0.5"], speed.p50_seconds)
        took.add_metric([speed.network, "0.95"], speed.p95_seconds)
    yield from (count, oldest, took)


def _chains() -> Iterator[Metric]:
    seen = GaugeMetricFamily(
        "souk_settler_seen_seconds", "Since a settler last wrote itself down", labels=["network"]
    )
    head = GaugeMetricFamily(
        "souk_chain_head_age_seconds", "Age of the newest block seen", labels=["network"]
    )
    refusing = GaugeMetricFamily(
        "souk_refusing", "1 while payments of a network are refused", labels=["network"]
    )
    now, never = timezone.now(), _installed_seconds()
    seen_once = set()
    for row in ChainHealth.objects.filter(network__in=networks()):
        seen_once.add(row.network)
        seen.add_metric([row.network], (now - row.seen_at).total_seconds())
        head.add_metric([row.network], (now - row.head_time).total_seconds())
        refusing.add_metric([row.network], bool(row.refusing_why))
    for network in set(networks()) - seen_once:  # and doors refuse its payments
        seen.add_metric([network], never)
        refusing.add_metric([network], 1)
    yield from (seen, head, refusing)


def _gas() -> Iterator[Metric]:
    balance = GaugeMetricFamily(
        "souk_gas_balance_coins", "What working relayers hold", labels=["network"]
    )
    days = GaugeMetricFamily("souk_gas_days", "How many days it lasts", labels=["network"])
    stopped = GaugeMetricFamily(
        "souk_relayers_stopped", "Relayers that sign nothing any more", labels=["network"]
    )
    relayed = [n for n in networks() if not settles_by_facilitator(n)]
    for tank in workings.fuel(relayed):
        balance.add_metric([tank.network], tank.balance_wei / 10**18)
        stopped.add_metric([tank.network], len(tank.stopped))
        if tank.days is not None:
            days.add_metric([tank.network], tank.days)
    yield from (balance, days, stopped)


def _ledger() -> Iterator[Metric]:
    differences = GaugeMetricFamily(
        "souk_ledger_differences", "Payments in which ledger and chain differ",
        labels=["network", "asset"],
    )  # fmt: skip
    age = GaugeMetricFamily(
        "souk_ledger_compared_seconds", "Since they were last compared", labels=["network", "asset"]
    )
    found = {(row.network, row.asset): row for row in workings.reconciliations()}
    now, never = timezone.now(), _installed_seconds()
    for network in networks():
        offered = assets(network)
        for asset in known_assets(network):
            last = found.get((network, asset))
            if last is None and asset not in offered:
                continue
            if last is not None:
                differences.add_metric([network, asset], last.differences)
            seconds = never if last is None else (now - last.at).total_seconds()
            age.add_metric([network, asset], seconds)
    yield from (differences, age)


def _audited() -> Iterator[Metric]:
    """Where the audit log ends, kept where whoever cuts it off does not come by."""
    head = audit_log.head()
    yield GaugeMetricFamily("souk_audit_entries", "Entries of the audit log", head.sequence)
    words = "The first 48 bits of the last entry's hash, as a number"
    yield GaugeMetricFamily("souk_audit_head_mark", words, head.mark)
    faults = len(audit_log.verify_end(AT_A_GLANCE)[2])
    yield GaugeMetricFamily("souk_audit_faults", "What is wrong with its last entries", faults)


def _others() -> Iterator[Metric]:
    words = "Since beat, or a backup, was last seen; since the installation where it never was"
    signs = GaugeMetricFamily("souk_sign_of_life_seconds", words, labels=["name"])
    ages = dict.fromkeys(("beat", BACKUP), _installed_seconds())
    for beat in Heartbeat.objects.exclude(name=HELD_ROW):
        ages[beat.name] = (timezone.now() - beat.at).total_seconds()
    for name, age in ages.items():
        signs.add_metric([name], age)
    due, oldest = waiting_messages()
    yield signs
    yield GaugeMetricFamily("souk_webhooks_due", "Messages to sellers that are due", due)
    age = (timezone.now() - oldest).total_seconds() if oldest else 0
    yield GaugeMetricFamily("souk_webhooks_oldest_seconds", "How long the oldest is due", age)
    live = Listing.objects.filter(state=Listing.State.LIVE).count()
    yield GaugeMetricFamily("souk_listings_live", "Listings that are for sale", live)


def _installed_seconds() -> float:
    """How long the oldest tables are there: what never was seen is missing for so long."""
    first = MigrationRecorder.Migration.objects.aggregate(first=Min("applied"))["first"]
    return 0.0 if first is None else (timezone.now() - first).total_seconds()
