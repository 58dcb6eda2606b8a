"""Bells for workers: a job is written down first, so one that nobody hears is made up for."""

from __future__ import annotations

import logging
from typing import Any
from uuid import UUID

from kombu.exceptions import OperationalError

from payments.tasks import count_buyers
from sellers.tasks import fetch_document, look_at_domain, look_at_upstream

logger = logging.getLogger(__name__)


def ring_for_document(fetch_id: UUID) -> None:
    """Somebody waits for a document."""
    _ring(fetch_document, fetch_id)


def ring_for_look(look_id: UUID) -> None:
    """Somebody waits for a look at their endpoint."""
    _ring(look_at_upstream, look_id)


def ring_for_domain(seller_id: UUID) -> None:
    """Somebody waits for a look at their domain."""
    _ring(look_at_domain, seller_id)


def ring_for_buyers(job: UUID) -> None:
    """Somebody waits for a count of buyers."""
    _ring(count_buyers, job)


def _ring(task: Any, job: UUID) -> None:
    try:
        task.apply_async((str(job),), retry=False)
    except (OperationalError, OSError) as error:  # a tick makes up for it within seconds
        logger.warning("No bell for %s: %s", task.name, type(error).__name__)
