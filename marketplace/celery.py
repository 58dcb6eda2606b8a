"""Celery: the second bell of the settling, and everything that is not hot.

The hot loop is no task: it starts with the worker process, in a thread and an event loop of
its own. Should it die, beat's bell settles what is due all the same.
"""

from __future__ import annotations

import os
from typing import Any

from celery import Celery
from celery.schedules import crontab
from celery.signals import worker_ready, worker_shutting_down

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")

app = Celery("souk")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.conf.beat_schedule = {
    "settle what is due": {
        "task": "payments.tasks.settle",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "say that beat is alive": {
        "task": "payments.tasks.beat_alive",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "sign the quotes": {
        "task": "sellers.tasks.sign_offers",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "send webhooks": {
        "task": "sellers.tasks.send_webhooks",
        "schedule": 2.0,
        "options": {"expires": 2.0},
    },
    "look at listings": {
        "task": "sellers.tasks.probe_listings",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
    "forget probes": {"task": "sellers.tasks.forget_probes", "schedule": crontab(minute=32)},
    "forget deliveries": {
        "task": "sellers.tasks.forget_deliveries",
        "schedule": crontab(minute=57),
    },
    "forget keys": {"task": "sellers.tasks.forget_keys", "schedule": crontab(minute=22, hour=3)},
    "forget repeats": {"task": "sellers.tasks.forget_repeats", "schedule": crontab(minute=52)},
    "forget notices": {
        "task": "sellers.tasks.forget_notices",
        "schedule": crontab(minute=17, hour=3),
    },
    "look at upstreams": {
        "task": "sellers.tasks.look_at_upstreams",
        "schedule": 5.0,
        "options": {"expires": 5.0},
    },
    "forget worksheets": {
        "task": "sellers.tasks.forget_worksheets",
        "schedule": crontab(minute=11, hour=3),
    },
    "send letters": {
        "task": "marketplace.accounts.tasks.send_letters",
        "schedule": 10.0,
        "options": {"expires": 10.0},
    },
    "forget signatures": {
        "task": "sellers.tasks.forget_signed_offers",
        "schedule": crontab(minute=37),
    },
    "forget closed prices": {
        "task": "sellers.tasks.forget_closed_prices",
        "schedule": crontab(minute=7, hour=3),
    },
    "forget visits": {
        "task": "marketplace.tasks.forget_visits",
        "schedule": crontab(minute=27, hour=3),
    },
    "forget what is over": {"task": "payments.tasks.forget", "schedule": crontab(minute=47)},
    "tend partitions": {"task": "payments.tasks.partitions", "schedule": crontab(minute=17)},
}


@worker_ready.connect
def _start_settling(**_: Any) -> None:
    from payments.engine import Engine  # models: only after Django is set up
    from payments.loaded import keep_loaded
    from sellers import sending

    keep_loaded()
    engine = Engine()
    engine.start()
    worker_shutting_down.connect(lambda **_: sending.stop(), weak=False)
    worker_shutting_down.connect(lambda **_: engine.stop(), weak=False)
