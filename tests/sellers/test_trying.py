"""The page of the test call: an address for this draft, for its own seller, and what came of it."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from payments.x402.networks import DEFAULT_ASSETS
from sellers.drafting.typed import token_key
from sellers.drafting.worksheets import put
from sellers.models import Preview
from sellers.on_sale.preview_ends import alive
from tests.fixtures.cast import Cast
from tests.fixtures.upstream import ScriptedUpstream, answer
from tests.sellers.desk import ASSET, NETWORK, TOKEN, Desk, open_desk

pytestmark = pytest.mark.django_db

BASE = "eip155:8453"
BASE_ASSET = next(asset.address for asset in DEFAULT_ASSETS if asset.network == BASE)


@pytest.fixture
def desk(settings: Settings, upstream: ScriptedUpstream) -> Desk:
    settings.CHAINS = {
        network: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [asset]}
        for network, asset in ((NETWORK, ASSET), (BASE, BASE_ASSET))
    }
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    upstream.on("/weather", answer(b'{"celsius":21}'))
    return open_desk("atlas", Cast.seller, upstream.url)


@pytest.fixture
def sheet(desk: Desk) -> Any:
    desk.prove()
    sheet = desk.start()
    desk.fill(sheet)
    return sheet


def page_of(desk: Desk, sheet: Any, **headers: str) -> str:
    return str(desk.client.get(f"/sell/drafts/{sheet.pk}/try", headers=headers).content.decode())


def test_an_address_is_opened_shown_again_and_closed(desk: Desk, sheet: Any) -> None:
    where = f"/sell/drafts/{sheet.pk}/try"
    assert "Open a test address" in page_of(desk, sheet)
    assert desk.client.post(where, {"action": "open"}).status_code == 302
    preview = Preview.objects.get()
    assert preview.payers == [Cast.seller.address]
    shown = page_of(desk, sheet)
    assert "manage.py buy --key-file wallet.key http://127.0.0.1:8402/preview/" in shown
    assert "&quot;x402Version&quot;: 2" in shown
    assert bytes(preview.token_hash).hex() not in shown
    part = page_of(desk, sheet, **{"HX-Request": "true"})
    assert part.startswith("<section")
    assert part.count('role="status"') == 1
    assert "aria-live" not in part
    assert "Nobody has paid yet" in part
    put(sheet, {"title": "Another title"})
    assert "You have changed the draft since" in page_of(desk, sheet)
    desk.client.post(where, {"action": "close"})
    assert not alive().exists()
    assert "Open a test address" in page_of(desk, sheet)


def test_the_demos_wallet_pays_where_the_operator_says_so(
    desk: Desk, sheet: Any, settings: Settings
) -> None:
    settings.PREVIEW_WALLETS = [Cast.buyer.address]
    desk.client.post(f"/sell/drafts/{sheet.pk}/try", {"action": "open"})
    assert Preview.objects.get().payers == sorted([Cast.seller.address, Cast.buyer.address])
    assert "manage.py buy http://127.0.0.1:8402/preview/" in page_of(desk, sheet)


def test_main_networks_are_not_tried(desk: Desk, sheet: Any) -> None:
    main = token_key(BASE, BASE_ASSET)
    desk.step(sheet, "price", **{f"price:{TOKEN}": "", f"price:{main}": "0.01"})
    desk.step(sheet, "payout", **{f"pay_to:{main}": Cast.seller.address})
    refused = desk.client.post(f"/sell/drafts/{sheet.pk}/try", {"action": "open"})
    assert refused.status_code == 422
    assert "Not opened: a test call is paid on a test network" in refused.content.decode()
    desk.step(sheet, "price", **{f"price:{TOKEN}": "0.01", f"price:{main}": "0.01"})
    desk.step(sheet, "payout", **{f"pay_to:{TOKEN}": Cast.seller.address})
    assert desk.client.post(f"/sell/drafts/{sheet.pk}/try", {"action": "open"}).status_code == 302
    assert f"{BASE}&" not in page_of(desk, sheet)


def test_an_unfinished_draft_says_what_it_lacks(desk: Desk) -> None:
    sheet = desk.start()
    assert "Left to do first" in page_of(desk, sheet)
    answered = desk.client.post(f"/sell/drafts/{sheet.pk}/try", {"action": "open"})
    assert answered.status_code == 422
    assert not Preview.objects.exists()


def test_a_draft_takes_its_address_along_when_it_goes(desk: Desk, sheet: Any) -> None:
    desk.client.post(f"/sell/drafts/{sheet.pk}/try", {"action": "open"})
    assert alive().exists()
    desk.client.post(f"/sell/drafts/{sheet.pk}/discard")
    assert not alive().exists()
    assert desk.client.get(f"/sell/drafts/{sheet.pk}/try").status_code == 404


def test_another_sellers_draft_is_not_there(desk: Desk, sheet: Any) -> None:
    rival = open_desk("rival", Cast.other_seller, desk.upstream_url)
    for path in (f"/sell/drafts/{sheet.pk}/try", f"/sell/drafts/{uuid4()}/try"):
        assert rival.client.get(path).status_code == 404
        assert rival.client.post(path, {"action": "open"}).status_code == 404
    assert not Preview.objects.exists()
