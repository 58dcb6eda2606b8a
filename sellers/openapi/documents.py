"""A stranger's document, from an address or a file to plain values, in JSON or YAML.

It is read within limits of bytes, nesting and size, and only by the rule of all outbound calls.
"""

from __future__ import annotations

import asyncio
from math import isfinite
from typing import Any

import orjson
import yaml

from payments.egress import Failed, Limits, exchange, open_client
from sellers.addresses import vetted
from sellers.openapi.yaml_values import Loader
from sellers.refusals import bad
from sellers.site import Site
from sellers.texts import clean

DOCUMENT_BYTES_MAX = 2_000_000
NODES_MAX = 100_000
LEVELS_MAX = 64


def fetched(url: str, site: Site) -> str:
    """The document at an address, by the same rule as every other call to a stranger."""
    if not url.strip():
        raise bad("url", "give an address, a file or the text of a document")
    reply = asyncio.run(_called(vetted(url.strip(), site), site))
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


def parsed(text: str) -> dict[str, Any]:
    """What a text says, once it is known to be an object of a reasonable size."""
    if len(text.encode("utf-8", "replace")) > DOCUMENT_BYTES_MAX:
        raise bad("document", f"at most {DOCUMENT_BYTES_MAX // 1_000_000} MB")
    try:
        document = orjson.loads(text) if text.lstrip().startswith("{") else _yaml(text)
    except (orjson.JSONDecodeError, yaml.YAMLError, ValueError, RecursionError) as wrong:
        raise bad("document", f"neither JSON nor YAML: {clean(_fault(wrong), 150)}") from None
    if not isinstance(document, dict):
        raise bad("document", "an OpenAPI document is an object")
    return document


def _fault(wrong: Exception) -> str:
    """What is wrong and where, without the parser's own name for a text."""
    if isinstance(wrong, yaml.MarkedYAMLError) and wrong.problem_mark:
        mark = wrong.problem_mark
        return f"{wrong.problem} in line {mark.line + 1}, column {mark.column + 1}"
    return str(wrong)


async def _called(url: Any, site: Site) -> Any:
    limits = Limits(site.connect_seconds, 20, 30, DOCUMENT_BYTES_MAX)
    async with open_client(site.egress) as client:
        return await exchange(client, "GET", url, limits=limits)


def _yaml(text: str) -> Any:
    """YAML without aliases, which are how a small file becomes a large one."""
    level = 0
    for number, event in enumerate(yaml.parse(text, Loader=Loader)):
        if isinstance(event, yaml.AliasEvent):
            raise ValueError("aliases (*name) are not taken; write them out, or use $ref")
        level += isinstance(event, yaml.CollectionStartEvent)
        level -= isinstance(event, yaml.CollectionEndEvent)
        if number > NODES_MAX or level > LEVELS_MAX:
            raise ValueError("too large, or nested too deeply")
    return _as_json(yaml.load(text, Loader=Loader))  # noqa: S506  (a SafeLoader)


def _as_json(value: Any) -> Any:
    """YAML's values as JSON has them: names are texts, and so is whatever JSON does not know."""
    if isinstance(value, dict):
        return {str(name): _as_json(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_as_json(one) for one in value]
    known = value is None or isinstance(value, str | int | bool)
    return value if known or (isinstance(value, float) and isfinite(value)) else str(value)
