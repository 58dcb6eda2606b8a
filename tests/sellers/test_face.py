"""Our own face is asked where graders ask it: the documents at the origin of the calls."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from sellers.grading.face import look_at
from sellers.models import Listing
from sellers.offers import resource_url
from sellers.site import this_site
from sellers.terms import Terms
from tests.fixtures.storefront import Storefront
from tests.fixtures.upstream import ScriptedUpstream, answer

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def calls(upstream: ScriptedUpstream, settings: Settings) -> ScriptedUpstream:
    """A host of the calls' own; nobody is at the site's."""
    settings.CALL_BASE_URL = upstream.url
    settings.PUBLIC_BASE_URL = "http://127.0.0.1:9"
    for path in ("/call/acme/weather", "/openapi.json", "/.well-known/x402"):
        upstream.on(path, answer(b"{}"))
    return upstream


def test_documents_are_looked_for_at_the_origin_of_the_calls(
    storefront: Storefront, calls: ScriptedUpstream
) -> None:
    listing: Listing = storefront.publish("acme/weather")
    assert listing.live_revision is not None
    site = this_site()
    url = resource_url(site.call_base_url, listing.path)
    face = look_at(url, Terms.from_json(listing.live_revision.terms), site)
    asked = {call.target for call in calls.calls}
    assert {"/openapi.json", "/.well-known/x402"} <= asked
    assert not any(target.startswith("/mcp") for target in asked), "it belongs to the site's host"
    assert face.openapi is not None
    assert face.well_known is not None
