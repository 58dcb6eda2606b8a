"""What a document offers: its operations, each as much of it as a listing takes."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from sellers.addresses import URL_CHARACTERS_MAX
from sellers.drafts import (
    DESCRIPTION_CHARACTERS_MAX,
    TAG_CHARACTERS_MAX,
    TAGS_MAX,
    TITLE_CHARACTERS,
)
from sellers.header_names import is_never_forwarded
from sellers.openapi.documents import parsed
from sellers.openapi.references import Reader, Written, list_of, object_of, text_of
from sellers.openapi.servers import Place, is_full, server_of
from sellers.refusals import bad
from sellers.terms import BODY_METHODS, METHODS
from sellers.texts import clean, clean_ascii

OPERATIONS_MAX = 500
TAGS_READ_MAX = 20
_PARAMETER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"\W+", re.ASCII)


@dataclass(frozen=True, slots=True)
class InAndOut:
    """What an operation takes and what it answers, with its references written out."""

    input_schema: Mapping[str, Any]
    example: Mapping[str, Any]
    headers: tuple[str, ...]  # what it wants in headers
    answer_type: str
    output_schema: Mapping[str, Any] | None
    answer: Any


@dataclass(frozen=True)
class Operation:
    """One operation of a document, as much of it as a listing takes."""

    method: str
    path: str
    upstream_url: str
    title: str
    description: str
    tags: tuple[str, ...]
    server: str  # as the document names it
    item: Mapping[str, Any]  # what its path says for all of its operations
    said: Mapping[str, Any]
    read: Reader

    @cached_property
    def in_and_out(self) -> InAndOut:
        """Its schemas and examples; written out once somebody asks for them."""
        parts, example, headers = _parameters(
            self.read, list_of(self.item, "parameters") + list_of(self.said, "parameters")
        )
        if self.method in BODY_METHODS:
            _body(self.read, self.said, parts, example)
        schema = {"type": "object", "properties": parts}
        return InAndOut(schema, example, headers, *_answer(self.read, self.said))

    @property
    def key(self) -> str:
        """How a form names it."""
        return f"{self.method} {self.path}"

    @property
    def has_address(self) -> bool:
        """Whether it is known where calls go."""
        return is_full(self.upstream_url)


def operations(text: str, base_url: str = "", document_url: str = "") -> list[Operation]:
    """What a document offers, in its own order.

    `base_url`: where its servers are, as somebody said; `document_url`: where it was fetched.
    """
    if max(len(base_url), len(document_url)) > URL_CHARACTERS_MAX:
        raise bad("url", f"an address of at most {URL_CHARACTERS_MAX} characters")
    document = parsed(text)
    version = text_of(document.get("openapi"))
    if not version.startswith(("3.0", "3.1")):
        shown = clean(version or text_of(document.get("swagger", "none")), 20)
        raise bad("document", f"OpenAPI 3.0 or 3.1; this one says {shown}")
    found = list(_operations(document, Place(base_url.strip(), document_url.strip())))
    if not found:
        raise bad("document", "it holds no operation that could be sold")
    return found


def _operations(document: Mapping[str, Any], place: Place) -> Iterator[Operation]:
    count, together = 0, Written()
    for path, given in object_of(document.get("paths")).items():
        item = object_of(Reader(document, together).at(given))
        for name, said in item.items():
            method = str(name).upper()
            if method not in METHODS or not isinstance(said, dict):
                continue
            count += 1
            if count > OPERATIONS_MAX:
                raise bad("document", f"more than {OPERATIONS_MAX} operations")
            server = server_of(said, item, document)
            url = place.whole(server).rstrip("/") + _plain_path(str(path))
            yield _operation(method, str(path), url, server, item, said, Reader(document, together))


def _operation(
    method: str,
    path: str,
    url: str,
    server: str,
    item: Mapping[str, Any],
    said: Mapping[str, Any],
    read: Reader,
) -> Operation:
    summary, about = text_of(said.get("summary")), text_of(said.get("description"))
    title = summary or text_of(said.get("operationId")) or f"{method} {path}"
    tags = (
        clean_ascii(text_of(tag), TAG_CHARACTERS_MAX)
        for tag in list_of(said, "tags")[:TAGS_READ_MAX]
    )
    return Operation(
        method=method,
        path=path,
        upstream_url=url,
        title=_fitting(clean(title, TITLE_CHARACTERS[-1] + 1), TITLE_CHARACTERS[-1]),
        description=clean(about or summary, DESCRIPTION_CHARACTERS_MAX),
        tags=tuple(tag for tag in tags if tag)[:TAGS_MAX],
        server=server,
        item=item,
        said=said,
        read=read,
    )


def _fitting(title: str, characters_max: int) -> str:
    """A title that is not too long, cut between two words where that leaves most of it."""
    if len(title) <= characters_max:
        return title
    words = title[: characters_max + 1].rpartition(" ")[0].rstrip(" ,;:")
    return words if len(words) > characters_max // 2 else title[:characters_max].rstrip()


def _parameters(
    read: Reader, given: list[Any]
) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]:
    parts: dict[str, Any] = {}
    example: dict[str, Any] = {}
    required: dict[str, dict[str, None]] = {"path": {}, "query": {}}
    headers: list[str] = []
    for each in given:
        said = object_of(read.at(each))
        name, where = text_of(said.get("name")), said.get("in")
        if where == "header" and name.lower() not in ("accept", "content-type"):
            headers += [] if is_never_forwarded(name) else [name.lower()]
        if where not in ("path", "query") or not name:
            continue
        name = _plain(name) if where == "path" else name
        schema = object_of(read.schema(said.get("schema", {"type": "string"})))
        about = clean(text_of(said.get("description")), 300)
        part = parts.setdefault(
            where,
            {"type": "object", "properties": {}, "additionalProperties": False},
        )
        part["properties"][name] = schema | ({"description": about} if about else {})
        if said.get("required") or where == "path":
            required[where][name] = None
        shown = _example(read, said, schema)
        if shown is not None:
            example.setdefault(where, {})[name] = shown
    for where, part in parts.items():
        part["required"] = list(required[where])
    return parts, example, tuple(dict.fromkeys(headers))


def _body(
    read: Reader, said: Mapping[str, Any], parts: dict[str, Any], example: dict[str, Any]
) -> None:
    content = object_of(read.at(object_of(read.at(said.get("requestBody"))).get("content")))
    kind, media = _json_of(content)
    if kind is None:
        return
    schema = object_of(read.schema(media.get("schema", {"type": "object"})))
    parts["body"] = schema
    shown = _example(read, media, schema)
    if shown is not None:
        example["body"] = shown


def _answer(read: Reader, said: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None, Any]:
    responses = object_of(read.at(said.get("responses")))
    good = [code for code in responses if re.fullmatch(r"2(\d\d|XX)", str(code))]
    if not good:
        return "application/json", None, None
    content = object_of(read.at(object_of(read.at(responses[good[0]])).get("content")))
    kind, media = _json_of(content)
    if kind is None:
        return str(next(iter(content), "application/json")), None, None
    given = media.get("schema")
    schema = object_of(read.schema(given)) if given is not None else None
    return kind, schema, _example(read, media, schema or {})


def _json_of(content: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    for kind, media in content.items():
        plain = str(kind).partition(";")[0].strip().lower()
        if plain == "application/json" or plain.endswith("+json"):
            return plain, object_of(media)
    return None, {}


def _example(read: Reader, said: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """The example somebody wrote, at whichever of the four places."""
    if "example" in said:
        return read.plain(said["example"])
    for each in object_of(said.get("examples")).values():
        return read.plain(object_of(read.at(each)).get("value"))
    if isinstance(several := schema.get("examples"), list) and several:
        return several[0]
    for key in ("example", "default"):
        if key in schema:
            return schema[key]
    allowed = schema.get("enum")
    return allowed[0] if isinstance(allowed, list) and allowed else None


def _plain_path(path: str) -> str:
    return _PARAMETER.sub(lambda name: f"{{{_plain(name[1])}}}", path)


def _plain(name: str) -> str:
    """A path parameter's name as this marketplace writes it."""
    return _NAME.sub("_", name).strip("_")[:32] or "value"
