"""What the site and its sellers let go of: visits that are over, prices closed long ago."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.auth.models import User
from django.utils import timezone

from marketplace.accounts.models import Session
from marketplace.celery import app
from marketplace.tasks import forget_visits
from payments.models import OpenOffer
from sellers.listings import pause, resume
from sellers.on_sale.open_offers import forget_closed
from tests.fixtures.storefront import Storefront


@pytest.mark.django_db
def test_sessions_go_when_they_have_run_out() -> None:
    now = timezone.now()
    for name, hours in (("over", -1), ("good", 1)):
        Session.objects.create(
            session_key=name, session_data="", expire_date=now + timedelta(hours=hours)
        )

    forget_visits()

    assert [each.session_key for each in Session.objects.all()] == ["good"]


@pytest.mark.django_db
def test_lines_of_the_admins_log_go_after_a_year_and_a_month() -> None:
    user = User.objects.create(username="operator")
    for days in (399, 401):
        LogEntry.objects.create(
            user=user,
            object_repr=f"{days} days ago",
            action_flag=CHANGE,
            action_time=timezone.now() - timedelta(days=days),
        )

    forget_visits()

    assert [each.object_repr for each in LogEntry.objects.all()] == ["399 days ago"]


def test_prices_go_a_month_after_nobody_can_pay_them(storefront: Storefront) -> None:
    listing = storefront.publish()
    pause(listing.pk)
    resume(listing.pk)
    assert forget_closed() == 0
    closed = OpenOffer.objects.filter(closed_at__isnull=False)
    assert closed.update(closed_at=timezone.now() - timedelta(days=31)) == 1

    assert forget_closed() == 1

    assert OpenOffer.objects.filter(listing_id=listing.pk, closed_at__isnull=True).count() == 1


def test_every_task_of_the_schedule_exists() -> None:
    app.loader.import_default_modules()
    app.autodiscover_tasks(force=True)
    assert {entry["task"] for entry in app.conf.beat_schedule.values()} <= set(app.tasks)
