"""The product's source as syntax trees, for the rules that are checked over it."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOMS = ("marketplace", "sellers", "payments")


@dataclass(frozen=True)
class Module:
    """One file: its path from the checkout, its dotted name, its syntax.

    Walked once: a dozen rules ask each of some hundred files.
    """

    path: str
    name: str
    is_package: bool
    tree: ast.Module

    def at(self, node: ast.stmt | ast.expr | ast.ExceptHandler) -> str:
        return f"{self.path}:{node.lineno}"

    @cached_property
    def nodes(self) -> tuple[ast.AST, ...]:
        return tuple(ast.walk(self.tree))

    @cached_property
    def calls(self) -> tuple[tuple[str, ast.Call], ...]:
        """Every call with the dotted name of what is called, as written."""
        return tuple((dotted(node.func), node) for node in self.nodes if isinstance(node, ast.Call))

    @cached_property
    def texts(self) -> tuple[tuple[ast.expr, str], ...]:
        return tuple(self._texts())

    def _texts(self) -> Iterator[tuple[ast.expr, str]]:
        """Every string as one text; what an f-string fills in becomes a question mark."""
        inside = {id(part) for node in self.nodes for part in parts_of(node)}
        for node in self.nodes:
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                if id(node) not in inside:
                    yield node, node.value
            elif isinstance(node, ast.JoinedStr):
                yield node, "".join(filled(part) for part in node.values)


def parts_of(node: ast.AST) -> list[ast.expr]:
    return node.values if isinstance(node, ast.JoinedStr) else []


def filled(part: ast.expr) -> str:
    return part.value if isinstance(part, ast.Constant) else "?"  # type: ignore[return-value]


def dotted(node: ast.expr) -> str:
    """`a.b.c` for a name or a chain of attributes; a call in the chain shows as `()`."""
    match node:
        case ast.Name():
            return node.id
        case ast.Attribute():
            return f"{dotted(node.value)}.{node.attr}"
        case ast.Call():
            return f"{dotted(node.func)}()"
        case _:
            return "…"


@cache
def modules(checkout: Path) -> tuple[Module, ...]:
    """All of them, parsed once: no rule changes a tree."""
    return tuple(
        read(checkout, path)
        for room in ROOMS
        for path in sorted((checkout / room).rglob("*.py"))
        if "__pycache__" not in path.parts
    )


def read(checkout: Path, path: Path) -> Module:
    relative = path.relative_to(checkout)
    names = relative.with_suffix("").parts
    is_package = names[-1] == "__init__"
    return Module(
        relative.as_posix(),
        ".".join(names[:-1] if is_package else names),
        is_package,
        parsed(path.read_text(encoding="utf-8"), str(relative)),
    )


def parsed(source: str, name: str) -> ast.Module:
    """Once more when it fails for no fault of the source.

    CPython 3.11 counts how deep a tree is for the whole process: a collector that runs in between,
    or a thread that parses, leaves it with a wrong count and a SystemError.
    """
    try:
        return ast.parse(source, name)
    except SystemError:
        return ast.parse(source, name)


def imports(module: Module, known: set[str]) -> Iterator[tuple[ast.stmt, str]]:
    """Every module imported anywhere in a file: on top, in a function, for types only.

    `from a import b` means module `a.b` where that is one of the known modules.
    """
    for node in module.nodes:
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node, alias.name
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield node, full if full in known else str(node.module)
