"""Imprint, privacy and terms are there from the start, and become the operator's own."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

PAGES = ("imprint", "privacy", "terms")


@pytest.mark.django_db
def test_every_page_links_all_three_and_each_says_whose_site_it_is(settings: Settings) -> None:
    settings.SITE_NAME, settings.OPERATOR_EMAIL = "Bazaar & Sons", "desk@example.com"
    visitor = Client(headers={"Accept": "text/html"})
    for name in PAGES:
        page = visitor.get(f"/legal/{name}").content.decode()
        assert "Bazaar &amp; Sons" in page, name
        assert "desk@example.com" in page, name
        for other in PAGES:
            assert f'href="/legal/{other}"' in page, name
        text = Client(headers={"Accept": "text/markdown"}).get(f"/legal/{name}")
        assert text.content.decode().startswith("# "), name
        assert "$" not in text.content.decode(), name
    assert visitor.get("/legal/secrets").status_code == 404


@pytest.mark.django_db
def test_what_letters_come_is_said_where_an_address_is_asked_for() -> None:
    visitor = Client(headers={"Accept": "text/html"})
    for path in ("/legal/privacy", "/account/sign-up"):
        page = visitor.get(path).content.decode()
        for about in ("way back", "disputes", "listings", "limits"):
            assert about in page, (path, about)


@pytest.mark.django_db
def test_the_operators_own_text_replaces_ours(settings: Settings, tmp_path: Path) -> None:
    settings.LEGAL_DIR = str(tmp_path)
    own = "# Imprint\n\n$site_name, 12 Market Row; pays $5 for <b>bold</b> ${odd}\n"
    (tmp_path / "imprint.md").write_text(own)
    visitor = Client(headers={"Accept": "text/html"})
    page = visitor.get("/legal/imprint").content.decode()
    assert "Souk, 12 Market Row; pays $5 for &lt;b&gt;bold&lt;/b&gt; ${odd}" in page
    assert "as of 1 November 2026" in visitor.get("/legal/terms").content.decode()
