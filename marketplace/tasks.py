"""What the worker does for the site itself: figures, visits that are over, lines of the admin."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from celery import shared_task
from django.contrib.admin.models import LogEntry
from django.db.models import QuerySet
from django.db.models.functions import Now

from marketplace import alerts
from marketplace.accounts.models import Session
from payments.models import Tries
from sellers import figures

ROWS_AT_ONCE = 1_000
ADMIN_LOG_KEPT = timedelta(days=400)


@shared_task
def keep_figures() -> None:
    """Make the figures of the listings whose trade changed."""
    figures.keep()


@shared_task
def tell_of_limits() -> None:
    """Tell owners of the limits that came near."""
    alerts.note_and_tell()


@shared_task
def forget_visits() -> None:
    """Drop sessions and counts that have run out, and lines of the admin's log nobody asks for."""
    _drop(Tries.objects.filter(until__lt=Now()).order_by("until"))
    _drop(Session.objects.filter(expire_date__lt=Now()).order_by("expire_date"))
    _drop(LogEntry.objects.filter(action_time__lt=Now() - ADMIN_LOG_KEPT).order_by("pk"))


def _drop(old: QuerySet[Any]) -> None:
    """A bounded number of rows in each statement."""
    while ids := list(old.values_list("pk", flat=True)[:ROWS_AT_ONCE]):
        old.model._default_manager.filter(pk__in=ids).delete()
