"""What the worker does for accounts."""

from __future__ import annotations

from celery import shared_task

from marketplace.accounts import dispute_letters, erasure, letters, notice_letters


@shared_task
def send_letters() -> int:
    """Send the letters that were asked for; returns how many requests are done with."""
    notice_letters.write_due()
    dispute_letters.write_due()
    return letters.send_due()


@shared_task
def erase_accounts() -> None:
    """Take the accounts apart whose time to think again is over."""
    erasure.run_due()
