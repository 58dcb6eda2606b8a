"""The locks say what pyproject says, name no host, and pin by hash."""

import ast
import json
import re
import tomllib
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.tree import modules

LOCKS = ("requirements.txt", "requirements-dev.txt", "requirements-node.txt")
FOR_DEVELOPERS = {"marketplace/embedded/contracts/compile.py"}
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)==([^\s;\\]+)", re.MULTILINE)


def pins(checkout: Path, lock: str) -> dict[str, str]:
    found = dict(PIN.findall((checkout / lock).read_text()))
    assert found
    return found


def declared(checkout: Path) -> list[tuple[str, Requirement]]:
    project = tomllib.loads((checkout / "pyproject.toml").read_text())
    return [
        (lock, Requirement(line))
        for lock, lines in (
            ("requirements.txt", project["project"]["dependencies"]),
            ("requirements-dev.txt", project["project"]["dependencies"]),
            ("requirements-dev.txt", project["dependency-groups"]["dev"]),
            ("requirements-node.txt", project["project"]["optional-dependencies"]["node"]),
        )
        for line in lines
    ]


def test_every_dependency_is_pinned_within_its_bounds(checkout):
    out_of_step = [
        f"{lock}: {requirement}"
        for lock, requirement in declared(checkout)
        if (version := pins(checkout, lock).get(canonicalize_name(requirement.name))) is None
        or not requirement.specifier.contains(version, prereleases=True)
    ]
    assert out_of_step == []


def test_what_is_imported_is_declared(checkout):
    """What comes only with something else may go with it."""
    runtime = set()
    for lock, each in declared(checkout):
        if lock == "requirements.txt":
            extras = (f"{each.name}-{extra}" for extra in each.extras)
            runtime |= set(map(canonicalize_name, (each.name, *extras)))
    found = packages_distributions()
    undeclared = {
        (name, module.path)
        for module in modules(checkout)
        for root in sorted(imported_roots(module))
        for name in map(canonicalize_name, found.get(root, ()))
        if name not in runtime and module.path not in FOR_DEVELOPERS
    }
    assert undeclared == set()


def imported_roots(module):
    for node in module.nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module.partition(".")[0]


def test_the_development_lock_holds_every_pin_of_the_runtime_lock(checkout):
    runtime, development = (pins(checkout, lock) for lock in LOCKS[:2])
    assert {name: development.get(name) for name in runtime} == runtime


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_a_hash(checkout, lock):
    entries = re.split(r"\n(?=[a-z0-9])", (checkout / lock).read_text())
    unhashed = [entry.split("\n")[0] for entry in entries[1:] if "--hash=sha256:" not in entry]
    assert unhashed == []
    assert len(entries[1:]) >= len(pins(checkout, lock))


@pytest.mark.parametrize("lock", LOCKS)
def test_no_lock_names_an_index(checkout, lock):
    text = (checkout / lock).read_text()
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


def test_other_locks_name_no_host(checkout):
    assert not (checkout / "uv.lock").exists()
    for path in checkout.rglob("package-lock.json"):
        if "node_modules" not in path.parts and ".souk" not in path.parts:
            lock = json.loads(path.read_text())
            assert [name for name, entry in lock["packages"].items() if "resolved" in entry] == []
