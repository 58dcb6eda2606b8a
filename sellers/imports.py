"""Draft listings from an OpenAPI document, 3.0 or 3.1, in JSON or YAML.

A document is a stranger's: it is read within limits of bytes, nesting and size, no reference
leads out of it, and nothing in it is believed before a seller has looked at the draft.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import Any
from urllib.parse import unquote, urljoin

import orjson
import yaml
from django.utils.text import slugify

from payments.egress import EgressRefused, Failed, Limits, exchange, open_client
from sellers.drafts import DESCRIPTION_CHARACTERS_MAX, TAGS_MAX, TITLE_CHARACTERS
from sellers.models import SLUG_CHARACTERS_MAX
from sellers.refusals import bad
from sellers.site import Site
from sellers.terms import BODY_METHODS, METHODS
from sellers.texts import clean, clean_ascii
from sellers.typed import pretty, typed_input

DOCUMENT_BYTES_MAX = 2_000_000
NODES_MAX = 100_000
LEVELS_MAX = 64
OPERATIONS_MAX = 500
REFERENCES_MAX = 2_000
_REFERENCE_LEVELS_MAX = 12
_CLOSED = {"type": "object", "additionalProperties": False}
_PARAMETER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"\W+", re.ASCII)


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a document, as much of it as a listing takes."""

    method: str
    path: str
    upstream_url: str
    title: str
    description: str
    tags: tuple[str, ...]
    input_schema: Mapping[str, Any]
    example: Mapping[str, Any]
    answer_type: str
    output_schema: Mapping[str, Any] | None
    answer: Any
    headers: tuple[str, ...] = field(default=())  # what it wants in headers

    @property
    def key(self) -> str:
        """How a form names it."""
        return f"{self.method} {self.path}"


def fetched(url: str, site: Site) -> str:
    """The document at an address, by the same rule as every other call to a stranger."""
    if not url.strip():
        raise bad("url", "an address, a file or the text of a document")
    try:
        vetted = site.egress.vet(url.strip())
    except EgressRefused as refused:
        raise bad("url", refused.reason) from refused
    reply = asyncio.run(_called(vetted, site))
    if isinstance(reply, Failed):
        raise bad("url", f"no document came ({reply.kind.replace('_', ' ')}): {reply.detail}")
    if reply.status != 200:
        raise bad("url", f"the address answers with {reply.status}; give the document's own")
    return decoded(reply.body)


def decoded(raw: bytes) -> str:
    """A document's text."""
    if len(raw) > DOCUMENT_BYTES_MAX:
        raise bad("document", f"at most {DOCUMENT_BYTES_MAX // 1_000_000} MB")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise bad("document", "text in UTF-8") from None


def operations(text: str, base_url: str = "") -> list[Operation]:
    """What a document offers, in its own order."""
    document = _parsed(text)
    version = str(document.get("openapi", ""))
    if not version.startswith(("3.0", "3.1")):
        shown = clean(version or str(document.get("swagger", "none")), 20)
        raise bad("document", f"OpenAPI 3.0 or 3.1; this one says {shown}")
    found = list(_operations(document, base_url))
    if not found:
        raise bad("document", "it holds no operation that could be sold")
    return found


def typed_of(operation: Operation) -> dict[str, Any]:
    """The fields of a worksheet for an operation."""
    title = operation.title
    return {
        "upstream_url": operation.upstream_url,
        "method": operation.method,
        "title": title,
        "slug": slugify(title)[:SLUG_CHARACTERS_MAX].strip("-"),
        "description": operation.description,
        "tags": ", ".join(operation.tags),
        "forward_headers": ", ".join(operation.headers),
        "sample_type": operation.answer_type,
        "sample_body": pretty(operation.answer) if operation.answer is not None else "",
        "output_schema": pretty(operation.output_schema) if operation.output_schema else "",
        **typed_input(dict(operation.input_schema), operation.example),
    }


async def _called(url: Any, site: Site) -> Any:
    limits = Limits(site.connect_seconds, 20, 30, DOCUMENT_BYTES_MAX)
    async with open_client(site.egress) as client:
        return await exchange(client, "GET", url, limits=limits)


def _parsed(text: str) -> dict[str, Any]:
    if len(text.encode("utf-8", "replace")) > DOCUMENT_BYTES_MAX:
        raise bad("document", f"at most {DOCUMENT_BYTES_MAX // 1_000_000} MB")
    try:
        document = orjson.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except (orjson.JSONDecodeError, yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise bad("document", f"neither JSON nor YAML: {clean(str(wrong), 150)}") from None
    if not isinstance(document, dict):
        raise bad("document", "an OpenAPI document is an object")
    return document


_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the quick one, where it was built


class _Loader(_Safe):  # type: ignore[misc]
    """YAML as JSON has it: texts, numbers and nothing that looks like a date."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, rule) for tag, rule in rules if tag != "tag:yaml.org,2002:timestamp"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _yaml(text: str) -> Any:
    """YAML without aliases, which are how a small file becomes a large one."""
    level = 0
    for number, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("aliases (*name) are not taken; write them out, or use $ref")
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if number > NODES_MAX or level > LEVELS_MAX:
            raise ValueError("too large, or nested too deeply")
    return _as_json(yaml.load(text, Loader=_Loader))  # noqa: S506  (a SafeLoader)


def _as_json(value: Any) -> Any:
    """YAML's values as JSON has them: names are texts, and so is whatever JSON does not know."""
    if isinstance(value, dict):
        return {str(name): _as_json(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    known = value is None or isinstance(value, str | int | bool)
    return value if known or (isinstance(value, float) and isfinite(value)) else str(value)


def _operations(document: Mapping[str, Any], base_url: str) -> Iterator[Operation]:
    count = 0
    for path, item in _object(document.get("paths")).items():
        for name, said in _object(_Reader(document).at(item)).items():
            method = str(name).upper()
            if method not in METHODS or not isinstance(said, dict):
                continue
            count += 1
            if count > OPERATIONS_MAX:
                raise bad("document", f"more than {OPERATIONS_MAX} operations")
            yield _operation(document, str(path), item, method, said, base_url)


def _operation(
    document: Mapping[str, Any],
    path: str,
    item: Mapping[str, Any],
    method: str,
    said: Mapping[str, Any],
    base_url: str,
) -> Operation:
    read = _Reader(document)
    parts, example, headers = _parameters(
        read, [*_list(item, "parameters"), *_list(said, "parameters")]
    )
    if method in BODY_METHODS:
        _body(read, said, parts, example)
    kind, schema, answer = _answer(read, said)
    title = str(said.get("summary") or said.get("operationId") or f"{method} {path}")
    about = str(said.get("description") or said.get("summary") or "")
    tags = [clean_ascii(str(tag), 32) for tag in _list(said, "tags")]
    return Operation(
        method=method,
        path=path,
        upstream_url=_address(document, item, said, path, base_url),
        title=clean(title, TITLE_CHARACTERS[-1]),
        description=clean(about, DESCRIPTION_CHARACTERS_MAX),
        tags=tuple(tag for tag in tags if tag)[:TAGS_MAX],
        input_schema={"type": "object", "properties": parts},
        example=example,
        answer_type=kind,
        output_schema=schema,
        answer=answer,
        headers=headers,
    )


def _address(
    document: Mapping[str, Any],
    item: Mapping[str, Any],
    said: Mapping[str, Any],
    path: str,
    base_url: str,
) -> str:
    servers = _list(said, "servers") or _list(item, "servers") or _list(document, "servers")
    first = _object(servers[0]) if servers else {}
    url = str(first.get("url", ""))
    for name, variable in _object(first.get("variables")).items():
        url = url.replace(f"{{{name}}}", str(_object(variable).get("default", "")))
    whole = urljoin(base_url, url) if base_url else url
    return whole.rstrip("/") + _PARAMETER.sub(lambda name: f"{{{_plain(name[1])}}}", path)


def _parameters(
    read: _Reader, given: list[Any]
) -> tuple[dict[str, Any], dict[str, Any], tuple[str, ...]]:
    parts: dict[str, Any] = {}
    example: dict[str, Any] = {}
    headers: list[str] = []
    for each in given:
        said = _object(read.at(each))
        name, where = str(said.get("name", "")), said.get("in")
        if where == "header" and name.lower() not in ("accept", "content-type", "authorization"):
            headers.append(name.lower())
        if where not in ("path", "query") or not name:
            continue
        name = _plain(name) if where == "path" else name
        schema = _object(read.schema(said.get("schema", {"type": "string"})))
        about = clean(str(said.get("description", "")), 300)
        part = parts.setdefault(
            where,
            {"type": "object", "properties": {}, "required": [], "additionalProperties": False},
        )
        part["properties"][name] = schema | ({"description": about} if about else {})
        if (said.get("required") or where == "path") and name not in part["required"]:
            part["required"].append(name)
        shown = _example(read, said, schema)
        if shown is not None:
            example.setdefault(where, {})[name] = shown
    return parts, example, tuple(dict.fromkeys(headers))


def _body(
    read: _Reader, said: Mapping[str, Any], parts: dict[str, Any], example: dict[str, Any]
) -> None:
    content = _object(_object(read.at(said.get("requestBody"))).get("content"))
    kind, media = _json_of(content)
    if kind is None:
        return
    schema = _object(read.schema(media.get("schema", {"type": "object"})))
    parts["body"] = schema
    shown = _example(read, media, schema)
    if shown is not None:
        example["body"] = shown


def _answer(read: _Reader, said: Mapping[str, Any]) -> tuple[str, Mapping[str, Any] | None, Any]:
    responses = _object(said.get("responses"))
    good = [code for code in responses if re.fullmatch(r"2(\d\d|XX)", str(code))]
    if not good:
        return "application/json", None, None
    content = _object(_object(read.at(responses[good[0]])).get("content"))
    kind, media = _json_of(content)
    if kind is None:
        return str(next(iter(content), "application/json")), None, None
    given = media.get("schema")
    schema = _object(read.schema(given)) if given is not None else None
    return kind, schema, _example(read, media, schema or {})


def _json_of(content: Mapping[str, Any]) -> tuple[str | None, Mapping[str, Any]]:
    for kind, media in content.items():
        plain = str(kind).partition(";")[0].strip().lower()
        if plain == "application/json" or plain.endswith("+json"):
            return plain, _object(media)
    return None, {}


def _example(read: _Reader, said: Mapping[str, Any], schema: Mapping[str, Any]) -> Any:
    """The example somebody wrote, at whichever of the four places."""
    if "example" in said:
        return said["example"]
    for each in _object(said.get("examples")).values():
        return _object(read.at(each)).get("value")
    if isinstance(several := schema.get("examples"), list) and several:
        return several[0]
    for key in ("example", "default"):
        if key in schema:
            return schema[key]
    allowed = schema.get("enum")
    return allowed[0] if isinstance(allowed, list) and allowed else None


class _Reader:
    """Follows references inside one document, so often and so deep and no further."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self._document = document
        self._followed = 0
        self._nodes = 0

    def at(self, given: Any) -> Any:
        """What stands there, or what a reference there names."""
        for _ in range(_REFERENCE_LEVELS_MAX):
            if not isinstance(given, dict) or not isinstance(given.get("$ref"), str):
                return given
            given = self._target(given["$ref"])
        raise bad("document", "references that lead in a circle")

    def schema(self, given: Any, level: int = 0, inside: tuple[str, ...] = ()) -> Any:
        """A schema with its references written out, in the words of JSON Schema 2020-12.

        Where a schema holds itself, it ends: anything is taken there.
        """
        self._nodes += 1
        if self._nodes > NODES_MAX:
            raise bad("document", "schemas that grow too large once they are written out")
        if isinstance(given, list):
            return [self.schema(one, level + 1, inside) for one in given]
        if not isinstance(given, dict) or level > LEVELS_MAX:
            return given if level <= LEVELS_MAX else {}
        reference = given.get("$ref")
        if isinstance(reference, str):
            if reference in inside or len(inside) >= _REFERENCE_LEVELS_MAX:
                return {}
            return self.schema(self._target(reference), level + 1, (*inside, reference))
        written: dict[str, Any] = {}
        for key, value in given.items():
            if key in _NAMED:
                named = _object(value).items()
                written[key] = {n: self.schema(one, level + 1, inside) for n, one in named}
            elif key in _DEEPER:
                written[key] = self.schema(value, level + 1, inside)
            elif key not in _NOT_SCHEMA and not key.startswith("x-"):
                written[key] = value
        return _modern(written, nullable=given.get("nullable") is True)

    def _target(self, reference: str) -> Any:
        self._followed += 1
        if self._followed > REFERENCES_MAX:
            raise bad("document", f"more than {REFERENCES_MAX} references in one operation")
        if not reference.startswith("#/"):
            raise bad("document", f"the reference {clean(reference, 80)} leads out of the document")
        found: Any = self._document
        for part in reference[2:].split("/"):
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        if found is None:
            raise bad("document", f"the reference {clean(reference, 80)} leads nowhere")
        return found


_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_DEEPER = frozenset(
    {"items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"}
    | {"prefixItems", "allOf", "anyOf", "oneOf"}
)
_NOT_SCHEMA = frozenset({"discriminator", "xml", "externalDocs", "nullable", "example", "$id"})


def _modern(schema: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    """OpenAPI 3.0's own words, as JSON Schema says them."""
    for word, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(word), bool) and schema.pop(word) and limit in schema:
            schema[word] = schema.pop(limit)
    if nullable and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    return schema


def _plain(name: str) -> str:
    """A path parameter's name as this marketplace writes it."""
    return _NAME.sub("_", name).strip("_")[:32] or "value"


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: Any, name: str) -> list[Any]:
    found = _object(value).get(name)
    return found if isinstance(found, list) else []
