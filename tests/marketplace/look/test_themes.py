"""The theme comes with the page, and changing it takes nobody anywhere else."""

from __future__ import annotations

import pytest
from django.test import Client

PEOPLE = {"Accept": "text/html"}


@pytest.mark.parametrize(
    ("cookie", "theme"), [("", "system"), ("dark", "dark"), ("light", "light"), ('"><b>', "system")]
)
@pytest.mark.parametrize("page", ["/styleguide", "/nowhere"])
def test_a_page_comes_in_the_chosen_theme(page: str, cookie: str, theme: str) -> None:
    client = Client()
    client.cookies["theme"] = cookie

    assert f'data-theme="{theme}"' in client.get(page, headers=PEOPLE).content.decode()


def test_a_choice_is_kept_and_one_stays_where_one_was() -> None:
    client = Client()

    answer = client.post("/theme", {"theme": "dark", "next": "/styleguide?a=b"})

    assert (answer.status_code, answer["Location"]) == (302, "/styleguide?a=b")
    assert client.cookies["theme"].value == "dark"
    assert client.cookies["theme"]["httponly"]


@pytest.mark.parametrize(
    "back", ["https://evil.example/", "//evil.example/", "/\\evil.example", "javascript:1", ""]
)
def test_nobody_is_sent_elsewhere(back: str) -> None:
    assert Client().post("/theme", {"theme": "dark", "next": back})["Location"] == "/"


def test_what_is_no_theme_is_refused() -> None:
    assert Client().post("/theme", {"theme": "pink"}).status_code == 400
    assert Client().get("/theme").status_code == 405


def test_a_choice_needs_a_page_of_ours() -> None:
    strict = Client(enforce_csrf_checks=True)

    assert strict.post("/theme", {"theme": "dark"}).status_code == 403
