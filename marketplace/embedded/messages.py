"""Celery's message folder, for a machine without Redis.

Written beside kombu's own transport because that one writes a message in place: a reader that
is quick takes an empty file away, and the worker ends on it. Here a message appears whole, and
one that nobody took for an hour is dropped: every bell is rung again.
"""

from __future__ import annotations

import json
import time
import uuid
from contextlib import suppress
from pathlib import Path
from typing import Any

from kombu.transport import filesystem

LOOK_SECONDS = 0.25
KEPT_SECONDS = 3_600
SWEEP_SECONDS = 60


class Channel(filesystem.Channel):
    """Messages are hints: one that cannot be read is dropped, and nothing ends because of it."""

    _swept_at = -float(SWEEP_SECONDS)

    # kombu's stubs disagree with themselves about this one
    def _put(self, queue: str, payload: dict[str, Any], **_: Any) -> None:  # type: ignore[override]
        name = f"{round(time.monotonic() * 1000)}_{uuid.uuid4()}.{queue}.msg"
        folder = Path(self.data_folder_out)
        half_written = folder / f"{name}.part"  # no reader looks for this ending
        half_written.write_text(json.dumps(payload), encoding="utf-8")
        half_written.replace(folder / name)
        if time.monotonic() - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = time.monotonic()
            sweep(folder)

    def _get(self, queue: str, timeout: float | None = None) -> Any:
        while True:
            try:
                return super()._get(queue)
            except ValueError:
                continue  # half a message, left by a writer of another kind that was killed

    def get_table(self, exchange: str) -> list[Any]:
        try:
            return list(super().get_table(exchange))
        except ValueError:  # read while another process wrote it
            return []

    def _queue_bind(self, exchange: str, *binding: Any) -> None:
        try:
            super()._queue_bind(exchange, *binding)
        except ValueError:
            (Path(self.control_folder) / f"{exchange}.exchange").unlink(missing_ok=True)
            super()._queue_bind(exchange, *binding)


def sweep(folder: Path) -> None:
    """Drop what no worker took: while none runs, beat goes on ringing."""
    oldest = time.time() - KEPT_SECONDS
    for message in folder.glob("*.msg*"):
        with suppress(FileNotFoundError):  # taken just now
            if message.stat().st_mtime < oldest:
                message.unlink()


class Transport(filesystem.Transport):
    """Looks into the folder, and comes back soon: between looks a worker hears that it shall stop.

    Left to Celery a look takes two seconds, and half the time that Ctrl-C may take is gone.
    """

    Channel = Channel

    def drain_events(  # type: ignore[override]  # here, too, the stubs disagree
        self, connection: Any, timeout: float | None = None
    ) -> None:
        super().drain_events(connection, timeout=min(timeout or LOOK_SECONDS, LOOK_SECONDS))
