"""The payment that this task works for, so that a line of the log can name it, and an answer.

It is set where a claim may be committed, or was and whoever asks may be told of it; and taken back
where it turns out that there is none.
"""

from __future__ import annotations

from contextvars import ContextVar
from uuid import UUID

payment_at_hand: ContextVar[UUID | None] = ContextVar("payment_at_hand", default=None)
