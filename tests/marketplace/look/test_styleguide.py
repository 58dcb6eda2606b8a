"""The style guide shows every part, and is there for who develops."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client


@pytest.fixture(scope="module")
def page() -> str:
    answer = Client().get("/styleguide")
    assert answer.status_code == 200
    return answer.content.decode()


def test_every_part_is_shown(page: str) -> None:
    for part in (
        "card", "button", "button quiet", "button danger", "notice bad", "badge good", "money",
        "address", "copyable", "field", "field check", "errors", "tabs", "timeline", "pager",
        "empty", "skeleton", "chart", "spark", "stat-value", "steps", "crumbs",
    ):  # fmt: skip
        assert f'class="{part}' in page, part
    for part in ("<dialog", "<fieldset", "<select", "<textarea", 'class="cards"', "data-label="):
        assert part in page


def test_no_page_carries_a_style_or_a_script_of_its_own(page: str, checkout: Path) -> None:
    pages = [path.read_text() for path in (checkout / "templates").rglob("*.html")]

    for text in (page, *pages):
        assert " style=" not in text
        assert "<style" not in text
        assert " hx-on" not in text
        assert "js:" not in text
        assert text.count("<script") == text.count("<script src=") + text.count(
            '<script type="module" src='
        )
