"""Who did it is said by every caller: a function that takes `by` is called with it."""

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.tree import Module, dotted, modules


def violations(checkout: Path) -> list[str]:
    found = modules(checkout)
    asking = {
        f"{module.name}.{node.name}"
        for module in found
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and any(each.arg == "by" for each in node.args.kwonlyargs)
    }
    return [place for module in found for place in silent(module, asking)]


def silent(module: Module, asking: set[str]) -> Iterator[str]:
    """Calls that leave it open who acts."""
    names = full_names(module)
    for name, call in module.calls:
        first, dot, rest = name.partition(".")
        full = f"{names.get(first, first)}{dot}{rest}"
        if full in asking and not any(each.arg == "by" for each in call.keywords):
            yield f"{module.at(call)} calls {dotted(call.func)} and does not say who acts"


def full_names(module: Module) -> dict[str, str]:
    """What each name of a module stands for: what it imports, and what it defines."""
    known = {
        node.name: f"{module.name}.{node.name}"
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    for node in module.nodes:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
    return known
