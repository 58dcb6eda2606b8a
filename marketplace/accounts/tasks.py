"""What the worker does for accounts."""

from __future__ import annotations

from celery import shared_task

from marketplace.accounts import letters


@shared_task
def send_letters() -> None:
    """Send the letters that were asked for."""
    letters.send_due()
