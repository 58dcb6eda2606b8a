"""The peers are pinned, with hashes, and no manifest names a host."""

import json
import re

import pytest

from tests.benchmarks.peers import MANIFESTS, MIDDLEWARES, versions

LOCKS = [MANIFESTS / "requirements.txt", MANIFESTS.parent / "spy-requirements.txt"]


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_python_package_is_pinned_with_a_hash(lock):
    entries = re.split(r"\n(?=[a-z0-9])", lock.read_text(encoding="utf-8").strip())
    assert entries
    for entry in entries:
        assert re.match(r"[a-z0-9._-]+==\S+", entry), entry
        assert "--hash=sha256:" in entry, entry


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_python_manifest_names_an_index(lock):
    text = lock.read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links|--trusted-host", text)


def test_every_npm_package_is_pinned_with_a_hash_and_without_a_host():
    lock = json.loads((MANIFESTS / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert packages
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []
    asked = json.loads((MANIFESTS / "package.json").read_text(encoding="utf-8"))
    assert asked["dependencies"] == lock["packages"][""]["dependencies"]
    assert all(re.fullmatch(r"[\d.]+", version) for version in asked["dependencies"].values())


def test_viem_is_held_to_one_version_everywhere():
    asked = json.loads((MANIFESTS / "package.json").read_text(encoding="utf-8"))
    assert asked["overrides"] == {"viem": asked["dependencies"]["viem"]}
    lock = json.loads((MANIFESTS / "package-lock.json").read_text(encoding="utf-8"))
    found = {
        entry["version"]
        for name, entry in lock["packages"].items()
        if name.endswith("node_modules/viem")
    }
    assert found == {asked["dependencies"]["viem"]}


def test_the_report_knows_the_version_of_each_peer():
    known = versions()
    assert {"x402", "@x402/express", "@x402/hono", "fastapi", "flask", "viem"} <= known.keys()
    assert set(MIDDLEWARES.values()) == {"Python", "TypeScript"}
