"""Rows of money as a file: written while they are read, and harmless in every spreadsheet."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIRequest
from django.db import connection
from django.http import HttpRequest, StreamingHttpResponse

# A spreadsheet takes a cell that begins so for a formula, and formulas can send the sheet away.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")

Row = TypeVar("Row")


def csv_file(
    request: HttpRequest,
    name: str,
    columns: Sequence[str],
    pages: Iterator[list[Row]],
    cells: Callable[[Row], Iterable[str]],
) -> StreamingHttpResponse:
    """A file for spreadsheets, a page of rows at a time."""
    return download(request, f"{name}.csv", "text/csv", csv_parts(columns, pages, cells))


def json_file(
    request: HttpRequest,
    name: str,
    columns: Sequence[str],
    pages: Iterator[list[Row]],
    cells: Callable[[Row], Iterable[str]],
) -> StreamingHttpResponse:
    """The same rows as one JSON array, an object a line."""
    parts = json_parts(columns, pages, cells)
    return download(request, f"{name}.json", "application/json", parts)


def csv_parts(
    columns: Sequence[str], pages: Iterable[list[Row]], cells: Callable[[Row], Iterable[str]]
) -> Iterator[bytes]:
    """A table as CSV, a page of rows in each part."""
    yield _lines([columns])
    for page in pages:
        yield _lines(map(cells, page))


def json_parts(
    columns: Sequence[str], pages: Iterable[list[Row]], cells: Callable[[Row], Iterable[str]]
) -> Iterator[bytes]:
    """The same table as one JSON array, a page of objects in each part."""
    before = "[\n"
    for page in pages:
        objects = (dict(zip(columns, cells(row), strict=True)) for row in page)
        lines = (json.dumps(each, ensure_ascii=False) for each in objects)
        yield (before + ",\n".join(lines)).encode()
        before = ",\n"
    yield b"\n]\n" if before == ",\n" else b"[]\n"


def download(
    request: HttpRequest, name: str, content_type: str, written: Iterator[bytes]
) -> StreamingHttpResponse:
    """A file that is written while it is sent, however the server serves the request."""
    parts = _streamed(written) if isinstance(request, ASGIRequest) else written
    response = StreamingHttpResponse(parts, content_type=content_type)
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


async def _streamed(written: Iterator[bytes]) -> AsyncIterator[bytes]:
    while part := await sync_to_async(_next)(written):
        yield part


def _next(written: Iterator[bytes]) -> bytes:
    """The next part; the connection is not kept while a slow reader takes it."""
    try:
        return next(written, b"")
    finally:
        if not connection.in_atomic_block:
            connection.close()


def _lines(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerows([_harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA_STARTS) else cell
