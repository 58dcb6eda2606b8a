"""YAML's values as JSON has them: texts, numbers, and nothing that looks like a date or a clock.

The shapes are those of YAML 1.2 (10.3.2). Those of 1.1, which PyYAML has, take 12:30:45 for a
number to the base of 60, which costs the square of its length, and NO for false.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final

import yaml

from sellers.texts import clean

NUMBER_CHARACTERS_MAX: Final = 40
_Safe: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the quick one, where it was built
_SHORT: Final = rf"(?=.{{1,{NUMBER_CHARACTERS_MAX}}}\Z)"
_SHAPES: Final = {
    "null": re.compile(r"(?:~|null|Null|NULL|)\Z"),
    "bool": re.compile(r"(?:true|True|TRUE|false|False|FALSE)\Z"),
    "int": re.compile(_SHORT + r"(?:[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+)\Z"),
    "float": re.compile(_SHORT + r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?\Z"),
}
_FIRSTS: Final = {
    "null": ["~", "n", "N", ""],
    "bool": list("tTfF"),
    "int": list("-+0123456789"),
    "float": list("-+.0123456789"),
}
_BASES: Final = {"0o": 8, "0x": 16}


class Loader(_Safe):  # type: ignore[misc]
    """Reads a document of a stranger; a tag that it spells out is held to the same shapes."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012  (PyYAML's own place for them)
    yaml_constructors: dict[str | None, Any] = {}  # noqa: RUF012


def _scalar(kind: str, read: Callable[[str], Any]) -> Callable[[Any, Any], Any]:
    def made(loader: Any, node: Any) -> Any:
        text = str(loader.construct_scalar(node))
        if not _SHAPES[kind].match(text):
            raise ValueError(f"{clean(text, 30)} is no {kind}")
        return read(text)

    return made


def _whole(text: str) -> int | float:
    """A whole number; one of more than 64 bits is not exact, as JSON's reader has it."""
    number = int(text, _BASES.get(text[:2], 10))
    return number if -(2**63) <= number < 2**64 else float(number)


def _set_up() -> None:
    tag = "tag:yaml.org,2002:"
    for kind, shape in _SHAPES.items():
        Loader.add_implicit_resolver(tag + kind, shape, _FIRSTS[kind])
    for kept in (None, *(tag + kind for kind in ("null", "str", "seq", "map"))):
        Loader.add_constructor(kept, _Safe.yaml_constructors[kept])
    Loader.add_constructor(tag + "bool", _scalar("bool", lambda text: text.lower() == "true"))
    Loader.add_constructor(tag + "int", _scalar("int", _whole))
    Loader.add_constructor(tag + "float", _scalar("float", float))


_set_up()
