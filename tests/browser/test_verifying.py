"""The receipt that a browser verifies itself: genuine, or anything but."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Route

from payments.receipts.issuing import FINAL, KIND, REVERSED
from payments.receipts.signing import Signer, did_document, did_web, generate_pem
from tests.browser.chromium import Chromium, Seen
from tests.fixtures.purchases import SITE

PAYMENT = "01890000-0000-7000-8000-000000000001"
ADDRESS = f"{SITE}/p/{PAYMENT}"
SAID = {
    "payment": PAYMENT, "receiptVersion": 4, "status": FINAL, "amount": "2000",
    "token": {"symbol": "USDC"}, "network": "eip155:84532", "payer": "0x1", "payTo": "0x2",
    "transaction": "0x3",
}  # fmt: skip
PAGE = f"""<!doctype html><title>x</title><script type="module" src="/static/verify.js"></script>
<form action="/check" data-verify data-receipt="/p/{PAYMENT}/receipt" data-did="/did.json">
<button>Verify it here</button></form><div id="checked"></div>"""


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "✓ Genuine"),
        ({"status": REVERSED}, "! Genuine, and it says: not paid"),
        ({"payment": "01890000-0000-7000-8000-000000000002"}, "! This receipt is about another"),
        ({"forged": True}, "! Not genuine"),
        ({"by": "did:web:elsewhere.example"}, "! Not genuine"),
    ],
    ids=["genuine", "reversed", "another", "forged", "elsewhere"],
)
def test_a_browser_says_what_a_receipt_is_worth(
    browser: Chromium, checkout: Path, changed: dict[str, Any], verdict: str
) -> None:
    signer = Signer.from_pem(generate_pem(), did_web(SITE))
    document = did_document(signer.public_key, signer.did)
    changed = dict(changed)
    is_forged, by = changed.pop("forged", False), changed.pop("by", signer.did)
    jws = Signer(by, signer._key).sign({**SAID, **changed}, KIND)
    if is_forged:
        head, body, _ = jws.split(".")
        jws = f"{head}.{body}.{signer.sign(SAID | {'amount': '1'}, KIND).split('.')[2]}"
    served = {
        ADDRESS: ("text/html", PAGE),
        f"{ADDRESS}/receipt": ("application/jose", jws),
        f"{SITE}/did.json": ("application/json", json.dumps(document)),
    }
    for script in ("verify.js", "elements.js"):
        written = (checkout / "static" / script).read_text()
        served[f"{SITE}/static/{script}"] = ("text/javascript", written)

    def serve(route: Route) -> None:
        content_type, body = served[route.request.url]
        route.fulfill(content_type=content_type, body=body)

    def then(page: Page, seen: Seen) -> str:
        page.route("**/*", serve)
        page.goto(ADDRESS)
        page.click("button")
        return page.text_content("#checked .state") or ""

    assert browser.visit(then).startswith(verdict)
