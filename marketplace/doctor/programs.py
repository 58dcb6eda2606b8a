"""What must be running: somebody settles every network, beat beats, messages are carried."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from django.conf import settings
from django.utils import timezone
from kombu import Connection
from kombu.exceptions import OperationalError

from marketplace.doctor.findings import Finding, fail, ok, warn
from marketplace.look.times import lasting
from payments.health import SILENT
from payments.models import ChainHealth, Heartbeat
from payments.relaying.settling import LOW_ON_GAS
from payments.restored import HELD
from payments.x402.networks import NETWORKS

BEAT_SECONDS = 60  # it says so every 5 s
BROKER_SECONDS = 2
NODE_FIX = (
    "`python3 manage.py doctor` asks the node;"
    " docs/operate.md, “The chain stands still, or the node lies”"
)
REOPEN_FIX = "`python3 manage.py reopen` says what to end again first; docs/operate.md, “Backups”"
GAS_FIX = (
    "send gas money to the address that `python3 manage.py relayer show` names;"
    " docs/operate.md, “The relayer is low on gas”"
)
LOG_FIX = (
    "`python3 manage.py doctor` looks closer, and the worker's log says more;"
    " docs/operate.md, “What messages mean”"
)
BROKER_FIX = (
    "start Redis: nothing in it is missed; meanwhile `python3 manage.py work` does all that anybody"
    " waits for, and the housekeeping waits; docs/operate.md, “The database or Redis is away”"
)
WORKER_FIX = (
    "start a worker: `celery --app marketplace worker`, or `python3 manage.py work`;"
    " docs/operate.md, “Nobody settles”"
)
BEAT_FIX = (
    "start one: `celery --app marketplace beat` (payments settle without it);"
    " docs/operate.md, “Nobody rings”"
)


def examine_programs() -> Iterator[Finding]:
    """What they last wrote down about themselves."""
    for network in settings.CHAINS:
        yield _settler(network)
    yield _beat()
    yield _broker()


def _settler(network: str) -> Finding:
    health = ChainHealth.objects.filter(network=network).first()
    name = NETWORKS[network].name
    if health is None:
        return fail("worker", f"nobody has ever settled {name}", WORKER_FIX)
    age = (timezone.now() - health.seen_at).total_seconds()
    if age > settings.HEAD_STALE_SECONDS:
        return fail("worker", f"nobody has settled {name} for {lasting(age)}", WORKER_FIX)
    if health.refusing_why:
        words = f"payments on {name} are refused: {health.refusing_why}"
        fix = {SILENT: NODE_FIX, HELD: REOPEN_FIX, LOW_ON_GAS: GAS_FIX}.get(
            health.refusing_why, LOG_FIX
        )
        return fail("worker", words, fix)
    stands = (timezone.now() - health.head_time).total_seconds()
    if stands > settings.HEAD_STALE_SECONDS:
        return fail("worker", f"{name} has had no new block for {lasting(stands)}", NODE_FIX)
    return ok("worker", f"settles {name}; last seen {age:.0f} s ago")


def _beat() -> Finding:
    beat = Heartbeat.objects.filter(name="beat").first()
    if beat is None:
        return warn("beat", "it has never been seen", BEAT_FIX)
    age = (timezone.now() - beat.at).total_seconds()
    if age > BEAT_SECONDS:
        return warn("beat", f"not seen for {lasting(age)}", BEAT_FIX)
    return ok("beat", f"alive; last seen {age:.0f} s ago")


def _broker() -> Finding:
    """Whether messages can be left where workers find them; payments settle without."""
    place = urlsplit(settings.CELERY_BROKER_URL)
    if place.scheme == "filesystem":
        return ok("broker", "messages are files on this machine")
    port = f":{place.port}" if place.port else ""
    where = f"{place.scheme}://{place.hostname or place.path}{port}"
    try:
        with Connection(
            settings.CELERY_BROKER_URL,
            connect_timeout=BROKER_SECONDS,
            transport_options=settings.CELERY_BROKER_TRANSPORT_OPTIONS,
        ) as asking:
            asking.ensure_connection(max_retries=0, timeout=BROKER_SECONDS)
    except (OperationalError, OSError):
        words = (
            f"nobody answers at {where}: payments settle, everything else waits: verdicts,"
            " webhooks, letters, looks at listings, housekeeping"
        )
        return warn("broker", words, BROKER_FIX)
    return ok("broker", f"answers at {where}")
