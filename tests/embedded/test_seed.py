"""The demo's market: seven listings that our own upstream really answers."""

import json

import pytest
from aiohttp.test_utils import TestClient, TestServer

from marketplace.embedded.seed import STALLS, example_calls, keep_owners, seed
from marketplace.embedded.upstream.app import make_app
from payments.models import OpenOffer
from sellers.models import Payout
from sellers.offers import challenge, quote
from sellers.profile.directory import find
from sellers.schemas.validating import compile_input, complaint
from sellers.site import this_site
from sellers.terms import Terms


@pytest.fixture
def seeded(storefront, upstream):
    return seed(upstream.url)


def terms_of(path):
    return Terms.from_json(find(path).live_revision.terms)


def test_every_stall_is_on_sale_with_its_whole_402(seeded):
    site = this_site()
    assert seeded == [stall.path for stall in STALLS]
    assert len(set(seeded)) == 7
    assert len({path.split("/")[0] for path in seeded}) == 2
    for path in seeded:
        listing = find(path)
        assert listing.state == "live"
        terms = terms_of(path)
        offers = quote(terms, OpenOffer.objects.filter(listing_id=listing.pk), site)
        assert len(offers) == 1
        assert challenge(terms, offers, f"{site.call_base_url}/call/{path}", site).shed == ()


def test_seeding_again_changes_nothing_and_a_moved_upstream_is_followed(seeded, upstream, settings):
    before = list(OpenOffer.objects.order_by("id").values())
    seed(upstream.url)
    assert list(OpenOffer.objects.order_by("id").values()) == before
    settings.EGRESS_ALLOW = ["127.0.0.0/8:*"]
    seed("http://127.0.0.1:9999")
    assert terms_of(seeded[0]).upstream_url.startswith("http://127.0.0.1:9999/")
    assert find(seeded[0]).live_revision.number == 2


def test_listings_that_have_an_owner_by_now_are_brought_up_to_date(seeded, settings):
    """A demo that is started again has sellers who sign in; newer versions change its terms."""
    keep_owners("a password")
    Payout.objects.all().delete()  # as a demo of an earlier version left it
    settings.EGRESS_ALLOW = ["127.0.0.0/8:*"]
    seed("http://127.0.0.1:9999")
    assert terms_of(seeded[0]).upstream_url.startswith("http://127.0.0.1:9999/")
    assert {each.seller.slug for each in Payout.objects.all()} == {"atlas", "quill"}


def test_every_example_call_is_one_the_listing_takes(seeded):
    for call in example_calls():
        terms = terms_of(call.path)
        path, _, query = call.suffix.partition("?")
        segments = path.split("/")[1:]
        pairs = [tuple(pair.split("=")) for pair in query.split("&")] if query else []
        assert call.method == terms.method
        compile_input(terms.input_schema).check(segments, pairs, call.content_type, call.body)


async def test_the_upstream_answers_every_example_as_its_listing_says(seeded_terms):
    async with TestClient(TestServer(make_app())) as client:
        for call in example_calls():
            terms = seeded_terms[call.path]
            base = next(stall for stall in STALLS if stall.path == call.path).endpoint["path"]
            response = await client.request(
                call.method,
                base.partition("/{")[0] + call.suffix,
                data=call.body or None,
                headers={"Content-Type": call.content_type} if call.content_type else {},
            )
            body = await response.read()
            assert response.status == 200
            assert response.content_type == terms.mime_type
            assert body == terms.sample.body
            if terms.sample.is_json:
                assert complaint(terms.output_schema, json.loads(body)) is None


@pytest.fixture
def seeded_terms(seeded):
    return {path: terms_of(path) for path in seeded}
