"""A page asks for one script, and that is made of the sources as they are now."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from tests.benchmarks.packages import npm_folder

SCRIPT = re.compile(r"<script[^>]*>|<link[^>]*modulepreload[^>]*>")
BUILD_SECONDS_MAX = 120


@pytest.fixture
def static(checkout: Path) -> Path:
    return checkout / "static"


@pytest.fixture
def manifest(static: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((static / "built" / "manifest.json").read_text())
    return found


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_the_bundles_are_made_of_the_sources_as_they_are(
    static: Path, manifest: dict[str, Any]
) -> None:
    """Else make them again: npm --prefix bundles run build."""
    assert {name: sha256(static / name) for name in manifest["sources"]} == manifest["sources"]
    built = {name: entry["sha256"] for name, entry in manifest["bundles"].items()}
    assert {path.name for path in (static / "built").iterdir()} == {"manifest.json", *built}
    assert {name: sha256(static / "built" / name) for name in built} == built


def test_every_script_reaches_a_page(static: Path, manifest: dict[str, Any]) -> None:
    scripts = {
        path.relative_to(static).as_posix()
        for path in static.rglob("*.js")
        if path.parent.name != "built"
    }

    assert scripts == set(manifest["sources"])
    parts = [source for entry in manifest["bundles"].values() for source in entry["sources"]]
    assert scripts == set(parts)


def test_whose_work_is_in_a_bundle_is_said_in_it(static: Path, manifest: dict[str, Any]) -> None:
    vendored = json.loads((static / "vendor" / "manifest.json").read_text())

    for name, entry in manifest["bundles"].items():
        head = (static / "built" / name).read_text()[:1000]
        for source in entry["sources"]:
            if (known := vendored.get(source.removeprefix("vendor/"))) is not None:
                assert f"{known['package']} {known['version']}, {known['licence']}" in head
                assert f"/static/vendor/{known['licence_file']}" in head


def test_what_the_bundles_are_made_with_is_pinned(checkout: Path, manifest: dict[str, Any]) -> None:
    lock = json.loads((checkout / "bundles" / "package-lock.json").read_text())
    asked = json.loads((checkout / "bundles" / "package.json").read_text())["devDependencies"]
    packages = {name: entry for name, entry in lock["packages"].items() if name}

    assert asked == lock["packages"][""]["devDependencies"] == {"esbuild": manifest["esbuild"]}
    assert packages["node_modules/esbuild"]["version"] == manifest["esbuild"]
    assert [name for name, entry in packages.items() if "integrity" not in entry] == []
    assert [name for name, entry in packages.items() if "resolved" in entry] == []


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/", "/market", "/account/sign-in", "/nowhere"])
def test_a_page_asks_for_one_script_and_one_style(path: str) -> None:
    page = Client().get(path, headers={"Accept": "text/html"}).content.decode()

    assert len(SCRIPT.findall(page)) == 1
    assert '<script src="/static/built/' in page
    assert page.count('rel="stylesheet"') == 1


def test_no_template_adds_a_script_to_the_one(checkout: Path) -> None:
    """A page puts a bundle in the place of the site's; both would run the same code twice."""
    for template in (checkout / "templates").rglob("*.html"):
        text = template.read_text()
        for tag in SCRIPT.findall(text):
            assert re.fullmatch(r"""<script src="\{% static 'built/\w+\.js' %\}" defer>""", tag)
        assert text.count("<script") <= 1, template
        assert not re.search(r"block scripts %\}\{\{ block\.super", text), template


def test_the_sources_make_the_very_bundles(checkout: Path, static: Path, tmp_path: Path) -> None:
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("bundles are made by node: apt-get install -y nodejs npm")
    folder = npm_folder(checkout / ".souk" / "test-bundles", checkout / "bundles")
    shutil.copy(checkout / "bundles" / "build.mjs", folder)

    subprocess.run(
        ["node", "build.mjs", str(checkout), str(tmp_path)],
        cwd=folder, check=True, timeout=BUILD_SECONDS_MAX,
    )  # fmt: skip

    for built in (static / "built").iterdir():
        assert (tmp_path / built.name).read_bytes() == built.read_bytes(), built.name
    assert {path.name for path in tmp_path.iterdir()} == {
        path.name for path in (static / "built").iterdir()
    }
