"""Requests for a host that is not ours: scanners send them all day, and one line says all of it."""

from __future__ import annotations

import logging


class OneLine(logging.Filter):
    """Turns a refused Host header into a warning, without the way through the code."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.exc_info = record.exc_text = None
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        return True
