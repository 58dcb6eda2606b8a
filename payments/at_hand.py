"""The payment that this task works for, so that a line of the log can name it."""

from __future__ import annotations

from contextvars import ContextVar
from uuid import UUID

payment_at_hand: ContextVar[UUID | None] = ContextVar("payment_at_hand", default=None)
