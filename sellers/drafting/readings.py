"""Turns at reading OpenAPI documents: so many of one seller in an hour, and one at a time.

A document of two megabytes keeps a processor busy that serves everybody's pages, so it is counted
before it is read.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from payments import rates
from sellers.models import Seller
from sellers.refusals import TooOften
from sellers.site import Site

HOUR: Final = 3_600
ONE_SECONDS_MAX: Final = 60  # of one whose process died while it read
_BUSY: Final = "another document of yours is being read; try again when that is done"
_ENOUGH: Final = "that is enough documents for an hour; try again later"


@contextmanager
def turn(seller: Seller, site: Site) -> Iterator[None]:
    """One reading, or the time to wait for it."""
    who = str(seller.pk)
    running = rates.take("document now", who, 1, ONE_SECONDS_MAX)
    if not running.allows:
        raise TooOften(_BUSY, running.retry_seconds)
    try:
        rate = rates.take("document", who, site.documents_hour_max, HOUR)
        if not rate.allows:
            raise TooOften(_ENOUGH, rate.retry_seconds)
        yield
    finally:
        rates.forget("document now", who)
