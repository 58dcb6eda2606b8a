"""How the site does its work, from its own rows: what waits, what fails, what was kept."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Min
from django.utils import timezone

from marketplace.doctor import money
from marketplace.doctor.findings import Finding, ago, ok, warn
from marketplace.look.times import lasting
from payments.models import Heartbeat
from payments.not_charged import SELLERS_FAULTS
from payments.reports import workings
from payments.reports.case_lists import waiting_for_admins
from sellers.health.causes import cause
from sellers.models import Listing, Report
from sellers.webhooks.webhooks import waiting_messages

BACKUP = "backup"  # the sign of life that the command leaves
MESSAGES_WARN_SECONDS = 300
BACKUP_WARN = timedelta(days=2)
PROPOSAL_WARN = timedelta(days=2)
IN_THE_QUEUE = (Listing.State.IN_REVIEW, Listing.State.LIVE, Listing.State.PAUSED)
TROUBLES_SHOWN = 5
TROUBLES_WARN = 20


def examine_workings() -> Iterator[Finding]:
    """Every tile of the operator's page, as findings; no node is asked for any of it."""
    yield from money.settling()
    yield from money.gas_left()
    yield from money.gas_spent()
    yield from money.ledger()
    yield messages()
    yield endpoints()
    yield decisions()
    yield backup()
    yield size()


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
        since = f"; the oldest proposal {ago(oldest)}" if oldest else ""
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
    words = f"made {ago(last.at)}"
    late = timezone.now() - last.at > BACKUP_WARN
    return warn("backup", words, fix) if late else ok("backup", words)


def size() -> Finding:
    """How big the database has become."""
    with connection.cursor() as cursor:
        cursor.execute("select pg_database_size(current_database()), version()")
        taken, version = cursor.fetchone()
    return ok("size", f"{taken / 1_000_000:,.0f} MB in {version.split(' on ')[0]}")
