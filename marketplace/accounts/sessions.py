"""Where sessions are kept: in the database, each beside whom it belongs to."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

from django.contrib.auth import SESSION_KEY
from django.contrib.auth.models import User
from django.contrib.sessions.backends.db import SessionStore as DatabaseStore
from django.db.models.functions import Now
from django.http import HttpRequest

from marketplace.accounts.models import Session

SEEN = "seen"
DEVICE = "device"
_BROWSERS = (
    ("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"),
    ("Safari/", "Safari"), ("curl/", "curl"),
)  # fmt: skip
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"),
    ("Mac OS", "macOS"), ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip


class SessionStore(DatabaseStore):
    """Django's own store, with the user in a column."""

    @classmethod
    def get_model_class(cls) -> type[Session]:
        return Session

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        """One row; a session that is nobody's yet has no user."""
        row = cast(Session, super().create_model_instance(data))
        user = data.get(SESSION_KEY)
        row.user_id = int(user) if user else None
        return row


@dataclass(frozen=True, slots=True)
class Visit:
    """A browser in which somebody is signed in. Its key is never shown, only a name for it."""

    name: str
    device: str
    seen: datetime
    is_this: bool


def visits(request: HttpRequest, user: User) -> list[Visit]:
    """Where this person is signed in, the present browser first."""
    found = [_visit(row, request.session.session_key) for row in _rows(user)]
    return sorted(found, key=lambda each: (not each.is_this, -each.seen.timestamp()))


def kept_of(user: User) -> list[dict[str, Any]]:
    """What is kept of each browser this person is signed in with: no more than this."""
    found = [(_visit(row, None), row.expire_date) for row in _rows(user)]
    return [{"device": each.device, "seen": each.seen, "until": end} for each, end in found]


def end(user: User, name: str, *, but: str | None) -> None:
    """Sign one browser of theirs out, but not the one that asks."""
    for row in _rows(user):
        if _name(row.session_key) == name and row.session_key != but:
            row.delete()


def end_all(user: User, *, but: str | None = None) -> None:
    """Sign this person out everywhere, or everywhere but here."""
    Session.objects.filter(user=user).exclude(session_key=but or "").delete()


def device(request: HttpRequest) -> str:
    """A browser in two words, made of what it says of itself; the rest is not kept."""
    agent = request.headers.get("User-Agent", "")
    browser = next((word for mark, word in _BROWSERS if mark in agent), "A browser")
    system = next((word for mark, word in _SYSTEMS if mark in agent), "")
    return f"{browser} on {system}" if system else browser


def note_visit(request: HttpRequest) -> None:
    """Remember when this browser was last here, to the hour."""
    now = int(time.time())
    if now - request.session.get(SEEN, 0) >= 3600:
        request.session[SEEN] = now


def _rows(user: User) -> list[Session]:
    return list(Session.objects.filter(user=user, expire_date__gt=Now()))


def _visit(row: Session, present: str | None) -> Visit:
    data = row.get_decoded()
    seen = datetime.fromtimestamp(data.get(SEEN, 0), UTC)
    is_this = row.session_key == present
    return Visit(_name(row.session_key), data.get(DEVICE, "A browser"), seen, is_this)


def _name(session_key: str) -> str:
    return hashlib.sha256(f"souk session {session_key}".encode()).hexdigest()[:16]
