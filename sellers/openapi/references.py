"""References inside one document, followed so often and so deep and no further.

None leads out of it, and a schema is written out in the words of JSON Schema 2020-12.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from sellers.openapi.documents import LEVELS_MAX, NODES_MAX
from sellers.refusals import bad
from sellers.texts import clean

REFERENCES_MAX = 2_000
# The largest input and output of a listing are about 4,000 of these, most a few hundred.
WRITTEN_NODES_MAX = 1_000_000
REFERENCE_CHARACTERS_MAX = 1_000
_CHARACTERS_A_NODE = 100
_REFERENCE_LEVELS_MAX = 12
_NAMED = frozenset({"properties", "patternProperties", "dependentSchemas"})
_DEEPER = frozenset(
    {"items", "additionalProperties", "contains", "not", "if", "then", "else", "propertyNames"}
    | {"prefixItems", "allOf", "anyOf", "oneOf"}
)
_NOT_SCHEMA = frozenset({"discriminator", "xml", "externalDocs", "nullable", "example", "$id"})


@dataclass(slots=True)
class Written:
    """How much of one document was read and written out by all of its readers together."""

    nodes: int = 0


class Reader:
    """Follows references inside one document, so often and so deep and no further.

    Each operation has a reader of its own; what they write out counts together, for a component
    that many share is written out for each.
    """

    def __init__(self, document: Mapping[str, Any], together: Written) -> None:
        self._document = document
        self._together = together
        self._followed = 0
        self._nodes = 0

    def at(self, given: Any) -> Any:
        """What stands there, or what a reference there names."""
        for _ in range(_REFERENCE_LEVELS_MAX):
            if not isinstance(given, dict) or not isinstance(given.get("$ref"), str):
                self._count(1 + (len(given) if isinstance(given, dict | list) else 0))
                return given
            given = self._target(given["$ref"])
        raise bad("document", "references that lead in a circle")

    def schema(self, given: Any, level: int = 0, inside: tuple[str, ...] = ()) -> Any:
        """A schema with its references written out, in the words of JSON Schema 2020-12.

        Where a schema holds itself, it ends: anything is taken there.
        """
        self._count(1)
        if level > LEVELS_MAX:
            return {}
        if isinstance(given, list):
            return [self.schema(one, level + 1, inside) for one in given]
        if not isinstance(given, dict):
            return self.plain(given)
        reference = given.get("$ref")
        if isinstance(reference, str):
            if reference in inside or len(inside) >= _REFERENCE_LEVELS_MAX:
                return {}
            return self.schema(self._target(reference), level + 1, (*inside, reference))
        written: dict[str, Any] = {}
        for key, value in given.items():
            self._count(_length(key))
            if key in _NAMED:
                named = object_of(value)
                self._count(sum(map(_length, named)))
                written[key] = {n: self.schema(one, level + 1, inside) for n, one in named.items()}
            elif key in _DEEPER:
                written[key] = self.schema(value, level + 1, inside)
            elif key not in _NOT_SCHEMA and not key.startswith("x-"):
                written[key] = self.plain(value)
        return _modern(written, nullable=given.get("nullable") is True)

    def plain(self, value: Any) -> Any:
        """A value as it stands; it may be long, and be written out many times."""
        waiting = [value]
        while waiting:
            one = waiting.pop()
            self._count(_length(one) if isinstance(one, str) else 1)
            if isinstance(one, dict):
                self._count(sum(map(_length, one)))
                waiting.extend(one.values())
            elif isinstance(one, list):
                waiting.extend(one)
        return value

    def _count(self, nodes: int) -> None:
        self._nodes += nodes
        self._together.nodes += nodes
        if self._nodes > NODES_MAX:
            raise bad("document", "schemas that grow too large once they are written out")
        if self._together.nodes > WRITTEN_NODES_MAX:
            raise bad(
                "document",
                "its operations grow too large together once their references are written out;"
                " choose fewer, or split it",
            )

    def _target(self, reference: str) -> Any:
        self._followed += 1
        if self._followed > REFERENCES_MAX:
            raise bad("document", f"more than {REFERENCES_MAX} references in one operation")
        if len(reference) > REFERENCE_CHARACTERS_MAX:
            raise bad("document", f"a reference of at most {REFERENCE_CHARACTERS_MAX} characters")
        if not reference.startswith("#/"):
            raise bad("document", f"the reference {clean(reference, 80)} leads out of the document")
        found: Any = self._document
        for part in reference[2:].split("/"):
            name = unquote(part).replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) else None
        if found is None:
            raise bad("document", f"the reference {clean(reference, 80)} leads nowhere")
        return found


def _length(text: str) -> int:
    return 1 + len(text) // _CHARACTERS_A_NODE


def object_of(value: Any) -> dict[str, Any]:
    """An object, and an empty one for whatever else stands there."""
    return value if isinstance(value, dict) else {}


def text_of(value: Any) -> str:
    """A text or a number as a text, and an empty one for whatever else stands there."""
    return str(value) if isinstance(value, str | int | float) else ""


def list_of(value: Any, name: str) -> list[Any]:
    """The list that an object holds under a name, and an empty one for whatever else it holds."""
    found = object_of(value).get(name)
    return found if isinstance(found, list) else []


def _modern(schema: dict[str, Any], *, nullable: bool) -> dict[str, Any]:
    """OpenAPI 3.0's own words, as JSON Schema says them."""
    for word, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if isinstance(schema.get(word), bool) and schema.pop(word) and limit in schema:
            schema[word] = schema.pop(limit)
    if nullable and isinstance(schema.get("type"), str):
        schema["type"] = [schema["type"], "null"]
    return schema
