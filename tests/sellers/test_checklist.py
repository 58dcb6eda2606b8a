"""Each check of the list measures something: it passes, and it can fail."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from payments.egress import Reply
from sellers.grading.checklist import checks_of_listing, checks_of_sale
from sellers.grading.face import Face
from sellers.offers import resource_url
from sellers.terms import Sample, Terms
from tests.fixtures.storefront import Storefront
from tests.sellers.conftest import SITE

URL = resource_url(SITE.call_base_url, "acme/weather")
BROKEN_FACE = Reply(500, CIMultiDictProxy(CIMultiDict()), b"", framed=True)


def failing(terms: Terms) -> set[str]:
    return {each.check for each in checks_of_sale(terms, URL, SITE) if not each.passed}


@pytest.mark.parametrize(
    ("change", "check"),
    [
        ({"example_input": {"query": {"city": "Oslo", "more": "x"}}}, "input-schema"),
        ({"output_schema": {}}, "output-schema"),
        ({"output_schema": {"description": "Whatever comes."}}, "output-schema"),
        ({"output_schema": {"type": "array"}}, "output-schema"),
        ({"description": "x" * 501}, "description-500"),
    ],
)
def test_a_check_fails_for_what_it_is_about(
    make_terms: Callable[..., Terms], change: dict[str, Any], check: str
) -> None:
    terms = make_terms(example={"query": {"city": "Oslo"}}, description="x" * 500)
    assert check not in failing(terms)
    assert check in failing(replace(terms, **change))


def test_an_answer_that_is_no_json_has_a_schema_too(make_terms: Callable[..., Terms]) -> None:
    terms = make_terms(sample=Sample(200, "image/png", b"\x89PNG"))
    assert "output-schema" not in failing(terms)


def test_what_nobody_measures_is_not_listed(make_terms: Callable[..., Terms]) -> None:
    listed = {each.check for each in checks_of_sale(make_terms(), URL, SITE)}
    assert not {"terms-version-pinned", "upstream-not-charged-on-5xx"} & listed


@pytest.mark.django_db
def test_what_is_sold_is_held_against_what_was_approved(stall: Storefront) -> None:
    listing = stall.publish()
    assert listing.live_revision is not None
    terms = Terms.from_json(listing.live_revision.terms)
    face = Face(URL, BROKEN_FACE, BROKEN_FACE, BROKEN_FACE)

    def pinned(sold: Terms) -> bool:
        (check,) = (
            each
            for each in checks_of_listing(listing, sold, stall.site, face)
            if each.check == "terms-version-pinned"
        )
        return check.passed

    assert pinned(terms)
    assert not pinned(replace(terms, description="Something else."))
