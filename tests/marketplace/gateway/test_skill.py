"""`/call/<seller>/<listing>/SKILL.md`: beside what it describes, and never in a buyer's way."""

from __future__ import annotations

from sellers import listings
from sellers.models import Listing
from tests.fixtures.storefront import Storefront, in_thread
from tests.marketplace.gateway.visitor import App, visit

SKILL = "/call/acme/weather/SKILL.md"


async def test_it_is_free_and_says_the_price(surface: App, storefront: Storefront) -> None:
    listing: Listing = await in_thread(storefront.publish)
    said = await visit(surface, "GET", SKILL)
    assert said.status == 200
    assert said["content-type"] == "text/markdown; charset=utf-8"
    assert said["content-security-policy"] == "sandbox; default-src 'none'"
    assert said["payment-required"] is None
    text = said.body.decode()
    quoted = (await visit(surface, "GET", "/call/acme/weather")).json
    (asked,) = quoted["accepts"]
    assert f"{asked['amount']} units of {asked['asset']}" in text
    assert storefront.upstream.url not in text
    assert listing.path in text

    head = await visit(surface, "HEAD", SKILL)
    assert (head.status, head.body) == (200, b"")
    assert head["content-length"] == str(len(said.body))
    assert (await visit(surface, "POST", SKILL)).status == 404


async def test_a_value_that_could_be_bought_is_quoted(surface: App, storefront: Storefront) -> None:
    def publish() -> None:
        storefront.publish(
            upstream_url=f"{storefront.upstream.url}/of/{{city}}",
            example={"path": {"city": "Oslo"}},
        )

    await in_thread(publish)
    assert (await visit(surface, "GET", SKILL)).status == 402


async def test_what_is_not_sold_has_none(surface: App, storefront: Storefront) -> None:
    assert (await visit(surface, "GET", SKILL)).status == 404
    listing = await in_thread(storefront.publish, "acme/forecast")
    await in_thread(listings.pause, listing.pk)
    assert (await visit(surface, "GET", "/call/acme/forecast/SKILL.md")).status == 503
