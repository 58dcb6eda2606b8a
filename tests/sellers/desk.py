"""A market with a seller who is signed in: what the tests of the seller's pages start from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from eth_account.messages import encode_defunct

from payments.audit_log import user
from payments.x402.networks import DEFAULT_ASSETS
from sellers.drafting import worksheets
from sellers.drafting.typed import token_key
from sellers.models import Listing, Seller, Worksheet
from sellers.payouts import payouts
from sellers.profile.directory import open_seller_for
from sellers.reviews import submitting
from sellers.site import this_site
from sellers.upstreams import looks
from tests.fixtures.browsers import fresh
from tests.fixtures.cast import Person

NETWORK = "eip155:84532"
ASSET = next(asset.address for asset in DEFAULT_ASSETS if asset.network == NETWORK)
TOKEN = token_key(NETWORK, ASSET)
WORDS = {
    "title": "City weather", "description": "The weather of a city, now.", "tags": "weather",
}  # fmt: skip


@dataclass
class Desk:
    """One seller before their browser."""

    user: User
    seller: Seller
    wallet: Person
    upstream_url: str
    client: Client

    def start(self, **typed: str) -> Worksheet:
        """A new draft, begun with the button."""
        self.client.post("/sell/drafts/new", typed)
        return self.seller.worksheets.latest("created_at")

    def step(self, sheet: Worksheet, where: str, action: str = "next", /, **typed: Any) -> Any:
        """Send a step's form the way its page would."""
        page = self.client.get(f"/sell/drafts/{sheet.pk}/{where}").content.decode()
        hidden = {name: value(page, name) for name in ("version", "tab")}
        return self.client.post(
            f"/sell/drafts/{sheet.pk}/{where}", {**hidden, "action": action, **typed}
        )

    def look(self) -> None:
        """What the worker does."""
        looks.run_due(this_site())

    def prove(self) -> None:
        """Prove the wallet by hand."""
        page = self.client.post(
            "/sell/payouts/", {"action": "question", "address": self.wallet.address}
        )
        text = page.context["text"]
        answer = self.client.post(
            "/sell/payouts/",
            # A form sends its lines with CR LF.
            {
                "action": "prove",
                "text": text.replace("\n", "\r\n"),
                "signature": self._signed(text),
            },
        )
        assert answer.status_code == 302, answer.content.decode()

    def fill(self, sheet: Worksheet, **more: str) -> None:
        """Every step of an ordinary listing."""
        url = more.get("upstream_url", f"{self.upstream_url}/weather")
        self.step(sheet, "endpoint", "look", upstream_url=url, method="GET")
        self.look()
        self.step(sheet, "words", **WORDS, slug=more.get("slug", "weather"))
        self.step(sheet, "price", **{f"price:{TOKEN}": more.get("dollars", "0.01")})
        self.step(sheet, "payout", **{f"pay_to:{TOKEN}": self.wallet.address})
        self.step(sheet, "delivery", release="hold")

    def submitted(self, **more: str) -> Listing:
        """A listing that waits for review; what the pages do, without twenty pages."""
        site, by = this_site(), user(self.user.pk)
        if not self.seller.payouts.exists():
            text = payouts.question(self.seller, self.wallet.address)
            payouts.prove(self.seller, text, self._signed(text), by=by)
        url = more.get("upstream_url", f"{self.upstream_url}/weather")
        sheet = worksheets.start(self.seller, {"upstream_url": url, "method": "GET"})
        looks.ask(sheet, site)
        self.look()
        worksheets.put(
            sheet,
            {
                **WORDS,
                "slug": more.get("slug", "weather"),
                f"price:{TOKEN}": more.get("dollars", "0.01"),
                f"pay_to:{TOKEN}": self.wallet.address,
                "release": "hold",
            },
        )
        sheet.refresh_from_db()
        checks = submitting.by_terms(sheet, site)
        return submitting.submit_checked(sheet, checks, site, by=by)

    def _signed(self, text: str) -> str:
        signed = self.wallet.account.sign_message(encode_defunct(text=text))
        return "0x" + signed.signature.hex().removeprefix("0x")


def open_desk(name: str, wallet: Person, upstream_url: str) -> Desk:
    """Somebody new who sells."""
    user = User.objects.create_user(name)
    seller = open_seller_for(user, name, name.title())
    return Desk(user, seller, wallet, upstream_url, fresh(user))


def value(page: str, name: str) -> str:
    """What stands in a hidden field of a page."""
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, f"no field {name}"
    return found[1]
