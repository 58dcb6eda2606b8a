"""What is not ours in `static/vendor` is what was published, and its licence stands beside it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from django.test import Client


@pytest.fixture
def vendor(checkout: Path) -> Path:
    return checkout / "static" / "vendor"


def test_every_file_is_the_published_one(vendor: Path) -> None:
    manifest = json.loads((vendor / "manifest.json").read_text())
    licences = {entry["licence_file"] for entry in manifest.values()}

    files = {str(path.relative_to(vendor)) for path in vendor.rglob("*") if path.is_file()}
    assert files == {"manifest.json", *manifest, *licences}
    for name, entry in manifest.items():
        assert hashlib.sha256((vendor / name).read_bytes()).hexdigest() == entry["sha256"], name
        assert entry["version"]
        assert entry["licence"]


def test_a_page_loads_them(vendor: Path) -> None:
    page = Client().get("/styleguide").content.decode()
    built = vendor.parent / "built"
    bundles = json.loads((built / "manifest.json").read_text())["bundles"]

    assert '<script src="/static/built/site.js" defer>' in page
    for name in ("htmx.min.js", "hx-sse.min.js"):
        assert f"vendor/{name}" in bundles["site.js"]["sources"]
        assert (vendor / name).read_text().strip() in (built / "site.js").read_text()
    assert 'hx-headers:inherited=\'{"X-CSRFToken": "' in page
