"""The style guide shows every part, and is there for who develops."""

from __future__ import annotations

import json
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
        "search", "chip", "card good-card", "facts", "choices", "segments", "drawer", "aside-list",
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


def test_its_form_is_answered_as_every_form_is() -> None:
    wrong, right = {"title": ""}, {
        "title": "Weather", "url": "https://api.example/", "price": "1", "method": "GET",
        "release": "hold",
    }  # fmt: skip
    htmx = {"HX-Request": "true"}

    refused = Client().post("/styleguide", wrong, headers=htmx)
    saved = Client().post("/styleguide", right, headers=htmx)
    whole = Client().post("/styleguide", wrong)

    assert (refused.status_code, saved.status_code, whole.status_code) == (422, 200, 422)
    assert refused.content.startswith(b'<form class="stack" id="sample-form"')
    assert json.loads(saved["HX-Trigger"]) == {"toast": {"text": "Saved.", "tone": "good"}}
    assert whole.content.startswith(b"<!doctype html>")


@pytest.mark.parametrize("role", ["seller", "moderator", "admin"])
def test_it_shows_what_each_role_sees(role: str) -> None:
    assert Client().get("/styleguide", {"as": role}).status_code == 200
