"""The guides as pages: what they say is the text that programs read, and nothing is lost."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from marketplace.look.markdown import anchor, read
from marketplace.templatetags.souk import with_code

GUIDES = frozenset({"buy", "operate", "sell"})
PEOPLE = {"Accept": "text/html"}


def html(text: str) -> str:
    return str(read(text, GUIDES).html)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("One\ntwo\n\nthree", "<p>One two</p>\n<p>three</p>"),
        ("## A `b`?", '<h2 id="a-b">A <code>b</code>?</h2>'),
        ("- one\n  more\n- two", "<ul><li>one more</li><li>two</li></ul>"),
        ("1. one\n2. two", "<ol><li>one</li><li>two</li></ol>"),
        ("```bash\na <b>\n\n- c\n```", "<pre><code>a &lt;b&gt;\n\n- c</code></pre>"),
        (
            "`*/*` and *so* **very**",
            "<p><code>*/*</code> and <em>so</em> <strong>very</strong></p>",
        ),
        ("[x](sell.md#a-b)", '<p><a href="/docs/sell#a-b">x</a></p>'),
        ("[x](extend.md)", "<p>x</p>"),
        ("[x](https://a.example/?b=c)", '<p><a href="https://a.example/?b=c">x</a></p>'),
        ("[x](javascript:1)", "<p>[x](javascript:1)</p>"),
        ("<script>", "<p>&lt;script&gt;</p>"),
    ],
)
def test_what_the_guides_use_is_understood(text: str, expected: str) -> None:
    assert html(text) == expected


def test_a_table_has_its_heads_and_its_cells() -> None:
    table = html("| a | b |\n| --- | --- |\n| `c` | d\\|e |")

    assert re.findall(r"<(t[hd])(?: scope=\"col\")?>(.*?)</t", table) == [
        ("th", "a"), ("th", "b"), ("td", "<code>c</code>"), ("td", "d|e"),
    ]  # fmt: skip


class Words(HTMLParser):
    """The words of a page, and what was opened and never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.open = "", list[str]()

    def handle_data(self, data: str) -> None:
        self.text += f"{data} "

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("name", sorted(GUIDES))
def test_a_guide_is_a_page_for_people_and_text_for_programs(name: str) -> None:
    text = Client().get(f"/docs/{name}")
    page = Client().get(f"/docs/{name}", headers=PEOPLE)

    assert text["Content-Type"] == "text/markdown; charset=utf-8"
    assert page["Content-Type"] == "text/html; charset=utf-8"
    assert "Accept" in page["Vary"]
    words = Words()
    words.feed(str(read(text.content.decode(), GUIDES).html))
    assert words.open == []
    letters = re.compile(r"[a-z0-9]+")
    unsaid = r"```\w*|!\[[^\]]*\]\([^)]*\)|\]\([^)]*\)"
    missing = {*letters.findall(re.sub(unsaid, "", text.content.decode()))}
    assert (
        missing - {*letters.findall(words.text)} - {name, "ing", "elling", "perating", "uying"}
        == set()
    )


def test_the_headings_can_be_jumped_to() -> None:
    guide = read("# T\n\n## Before you pay\n\ntext", GUIDES)

    assert (guide.title, guide.headings) == ("T", (("before-you-pay", "Before you pay"),))
    assert anchor("What's `new`, then?") == "whats-new-then"


def test_the_picture_of_a_page_stays_where_the_page_is_not() -> None:
    assert html("Look:\n\n![The limits](pictures/limits.png)\n\nDone.") == html("Look:\n\nDone.")


def test_there_are_no_other_guides() -> None:
    assert Client().get("/docs/extend").status_code == 404


def test_the_operators_guide_is_offered_to_operators(django_user_model: Any, db: None) -> None:
    visitor, operator = Client(headers=PEOPLE), Client(headers=PEOPLE)
    operator.force_login(django_user_model.objects.create_user("op", is_staff=True))
    assert 'href="/docs/operate"' not in visitor.get("/docs/buy").content.decode()
    assert 'href="/docs/operate"' in operator.get("/docs/buy").content.decode()


def test_what_to_do_leads_to_its_section(checkout: Path) -> None:
    text = (checkout / "docs/operate.md").read_text()
    anchors = {anchor(words) for words in re.findall(r"^#+ (.+)$", text, re.M)}
    doctor = "".join(each.read_text() for each in (checkout / "marketplace/doctor").glob("*.py"))
    named = re.findall(r"docs/operate\.md, “([^”]+)”", doctor)
    assert named
    assert {anchor(words) for words in named} <= anchors
    shown = with_code("`ls`, or docs/operate.md, “Backups”; docs/operate.md & more")
    assert shown == (
        '<code>ls</code>, or <a href="/docs/operate#backups">docs/operate.md, “Backups”</a>; '
        '<a href="/docs/operate">docs/operate.md</a> &amp; more'
    )
