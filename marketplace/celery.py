"""Celery: the second bell of the settling, and everything that is not hot.

The hot loop is no task: it starts with the worker process, in a thread and an event loop of
its own. Should it die, beat's bell settles what is due all the same.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_init, worker_ready, worker_shutdown, worker_shutting_down
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from marketplace import rings
from payments.loaded import collect_seldom, keep_loaded
from payments.x402.crypto import slow_keccak

collect_seldom()  # nearly all that a worker needs is still to be loaded
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
# Celery ignores what Django's checks find, and they load every page: a third of a worker's start.
os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

app = Celery("souk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()

EXPIRES_SECONDS_MIN = 30  # clocks of two machines are apart; what rings twice is done once
OTHER_CONNECTIONS = 2  # of a worker beside those of its threads: deliveries have one of their own
OFTEN = {  # seconds; a ring that comes too late is none
    "settle what is due": ("payments.tasks.settle", 5.0),
    "say that beat is alive": ("payments.tasks.beat_alive", 5.0),
    "sign the quotes": ("sellers.tasks.sign_offers", 5.0),
    "send webhooks": ("sellers.tasks.send_webhooks", 2.0),
    "tell of limits": ("marketplace.tasks.tell_of_limits", 5.0),
    "tend disputes": ("sellers.tasks.tend_disputes", 5.0),
    "look at listings": ("sellers.tasks.probe_listings", 15.0),
    "build documents": ("marketplace.catalog.tasks.build_documents", 10.0),
    "tell of gas": ("sellers.tasks.tell_of_gas", 60.0),
    "verify listings": ("sellers.tasks.verify_listings", 60.0),
    "carry out verdicts": ("sellers.tasks.carry_out_verdicts", 2.0),
    "keep the catalog's figures": ("marketplace.tasks.keep_figures", 30.0),
    "look at upstreams": ("sellers.tasks.look_at_upstreams", 5.0),
    "look at domains": ("sellers.tasks.look_at_domains", 5.0),
    "count buyers": ("payments.tasks.count_buyers_due", 5.0),
    "send letters": ("marketplace.accounts.tasks.send_letters", 10.0),
    "erase accounts": ("marketplace.accounts.tasks.erase_accounts", 30.0),
    "forgive losses": ("payments.tasks.forgive", 60.0),
    "tell of duties": ("marketplace.tasks.tell_of_duties", 600.0),
    "tell of floors": ("sellers.tasks.tell_of_floors", 600.0),
}
AT_TIMES = {
    "forget reports": ("sellers.tasks.forget_reports", crontab(minute=2, hour=3)),
    "forget probes": ("sellers.tasks.forget_probes", crontab(minute=32)),
    "forget previews": ("sellers.tasks.forget_previews", crontab(minute=42)),
    "forget deliveries": ("sellers.tasks.forget_deliveries", crontab(minute=57)),
    "forget keys": ("sellers.tasks.forget_keys", crontab(minute=22, hour=3)),
    "forget repeats": ("sellers.tasks.forget_repeats", crontab(minute=52)),
    "forget catalog changes": ("sellers.tasks.forget_catalog_changes", crontab(minute=42, hour=3)),
    "forget notices": ("sellers.tasks.forget_notices", crontab(minute=17, hour=3)),
    "forget worksheets": ("sellers.tasks.forget_worksheets", crontab(minute=11, hour=3)),
    "forget signatures": ("sellers.tasks.forget_signed_offers", crontab(minute=37)),
    "forget closed prices": ("sellers.tasks.forget_closed_prices", crontab(minute=7, hour=3)),
    "forget visits": ("marketplace.tasks.forget_visits", crontab(minute=27, hour=3)),
    "forget what is over": ("payments.tasks.forget", crontab(minute=47)),
    "compare the ledger with the chain": ("payments.tasks.audit", crontab(minute=41)),
    "tend partitions": ("payments.tasks.partitions", crontab(minute=17)),
}
app.conf.beat_scheduler = "marketplace.rings:Beat"
app.conf.beat_schedule = {
    name: {
        "task": task,
        "schedule": seconds,
        "options": {"expires": max(seconds, EXPIRES_SECONDS_MIN)},
    }
    for name, (task, seconds) in OFTEN.items()
} | {name: {"task": task, "schedule": when} for name, (task, when) in AT_TIMES.items()}


@worker_init.connect  # before the broker is reached, for nothing is settled through it
def _start_settling(**_: Any) -> None:
    from payments.settling.engine import Engine
    from payments.wiring.keys import insist_on_keys
    from sellers.jobs import turns

    if slow := slow_keccak():
        raise SystemExit(slow[0])
    try:
        insist_on_keys()
    except ImproperlyConfigured as wrong:
        raise SystemExit(f"The worker cannot settle: {wrong}") from None
    engine = Engine()
    engine.start()
    rings.make_room(app)
    worker_shutting_down.connect(lambda **_: turns.stop(), weak=False)
    # It settles for as long as the slowest task is at it: nobody else may.
    worker_shutdown.connect(lambda **_: engine.stop(), weak=False)


@worker_init.connect
def _share_threads(sender: Any, **_: Any) -> None:
    from sellers.jobs import turns

    turns.share(sender.concurrency)
    # A task holds its connection while it waits for others; who finds none left fails.
    if pool := connections.settings["default"]["OPTIONS"].get("pool"):
        pool["max_size"] = max(pool["max_size"], sender.concurrency + OTHER_CONNECTIONS)


@worker_ready.connect
def _keep_loaded(**_: Any) -> None:
    keep_loaded()
