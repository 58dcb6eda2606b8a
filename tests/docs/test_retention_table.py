"""No table grows without a word on how long its rows are kept."""

from __future__ import annotations

import re
from pathlib import Path

from django.apps import apps
from django.db.migrations.recorder import MigrationRecorder

from marketplace.celery import app


def section(checkout: Path) -> str:
    text = (checkout / "docs" / "operate.md").read_text()
    return text.split("\n## What is kept, and for how long\n")[1].split("\n## ")[0]


def test_every_table_is_named(checkout: Path) -> None:
    models = apps.get_models(include_auto_created=True)
    tables = {model._meta.db_table for model in models} | {
        MigrationRecorder.Migration._meta.db_table
    }
    named = set(re.findall(r"`([a-z_]+)`", section(checkout)))
    assert tables - named == set()


def test_every_broom_is_on_the_schedule(checkout: Path) -> None:
    scheduled = {entry["task"].rpartition(".")[2] for entry in app.conf.beat_schedule.values()}
    named = set(re.findall(r"`((?:forget|partitions)\w*)`", section(checkout)))
    assert named
    assert named <= scheduled
