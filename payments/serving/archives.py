"""Many files as one, written while it is sent: nothing of it is stored, so nothing lies around."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from django.core.serializers.json import DjangoJSONEncoder

Entry: TypeAlias = tuple[str, Iterable[bytes]]  # a file's name in the archive, and its parts


def zipped(entries: Iterable[Entry]) -> Iterator[bytes]:
    """The parts of a zip file of these, each file read only when it is its turn."""
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, parts in entries:
            # Its size is known only afterwards, and may be above what an old zip can say.
            with archive.open(name, "w", force_zip64=True) as file:
                for part in parts:
                    file.write(part)
                    yield from sink.taken()
            yield from sink.taken()
    yield from sink.taken()


def json_entry(name: str, value: Any) -> Entry:
    """A small document; what is many rows comes in parts instead."""
    text = json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False, indent=1)
    return name, [text.encode() + b"\n"]


def lines_of(rows: Iterable[Any]) -> bytes:
    """Some rows as JSON, one a line."""
    lines = (json.dumps(row, cls=DjangoJSONEncoder, ensure_ascii=False) + "\n" for row in rows)
    return "".join(lines).encode()


class _Sink(io.RawIOBase):
    """A file that cannot be wound back: what is written goes out and is forgotten."""

    def __init__(self) -> None:
        super().__init__()
        self._written = bytearray()

    def writable(self) -> bool:
        return True

    def write(self, part: Any) -> int:
        self._written += part
        return len(part)

    def taken(self) -> Iterator[bytes]:
        if self._written:
            part, self._written = bytes(self._written), bytearray()
            yield part
