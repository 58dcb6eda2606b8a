"""What the worker does for the site itself: figures, visits that are over, lines of the admin."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.contrib.admin.models import LogEntry
from django.db.models.functions import Now

from marketplace import alerts, duty_letters
from marketplace.accounts.models import Session
from payments.database.old_rows import drop_rows
from payments.models import Tries
from sellers.market import figures

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
def tell_of_duties() -> None:
    """Tell moderators and admins what has waited for them for too long."""
    duty_letters.write_due()


@shared_task
def forget_visits() -> None:
    """Drop sessions and counts that have run out, and lines of the admin's log nobody asks for."""
    drop_rows(Tries.objects.filter(until__lt=Now()).order_by("until"))
    drop_rows(Session.objects.filter(expire_date__lt=Now()).order_by("expire_date"))
    drop_rows(LogEntry.objects.filter(action_time__lt=Now() - ADMIN_LOG_KEPT).order_by("pk"))
