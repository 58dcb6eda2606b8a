"""The programs that must be running: somebody settles every network, and beat beats."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.utils import timezone

from marketplace.doctor.findings import Finding, fail, ok, warn
from payments.models import ChainHealth, Heartbeat

BEAT_SECONDS = 60  # it says so every 15 s
WORKER_FIX = "start a worker: celery --app marketplace worker, or python3 manage.py work"


def examine_programs() -> Iterator[Finding]:
    """What they last wrote down about themselves."""
    for network in settings.CHAINS:
        yield _settler(network)
    yield _beat()


def _settler(network: str) -> Finding:
    health = ChainHealth.objects.filter(network=network).first()
    if health is None:
        return fail("worker", f"nobody has ever settled {network}", WORKER_FIX)
    age = (timezone.now() - health.seen_at).total_seconds()
    if age > settings.HEAD_STALE_SECONDS:
        return fail("worker", f"nobody has settled {network} for {age:,.0f} s", WORKER_FIX)
    if health.refusing_why:
        words = f"payments on {network} are refused: {health.refusing_why}"
        return fail("worker", words, "the worker's log says more")
    return ok("worker", f"settles {network}, {age:.0f} s ago last")


def _beat() -> Finding:
    beat = Heartbeat.objects.filter(name="beat").first()
    fix = "start one: celery --app marketplace beat (payments settle without it)"
    if beat is None:
        return warn("beat", "it has never been seen", fix)
    age = (timezone.now() - beat.at).total_seconds()
    if age > BEAT_SECONDS:
        return warn("beat", f"not seen for {age:,.0f} s", fix)
    return ok("beat", f"alive, {age:.0f} s ago last")
