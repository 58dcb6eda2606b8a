"""The demo's market: two sellers and seven listings on our own small upstream."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from django.conf import settings
from django.contrib.auth import get_user_model
from eth_account import Account
from eth_account.messages import encode_defunct

from marketplace.embedded.demo_accounts import demo_account
from marketplace.embedded.upstream.endpoints import (
    CONVERT,
    IDENTICON,
    LOOKUP,
    REPORT,
    SCORE,
    TEXT,
    TOUR,
    Endpoint,
)
from payments.audit_log import command
from sellers.drafts import Draft, finish
from sellers.examples import body, body_media_type, suffix
from sellers.models import Seller
from sellers.notices import put_away, unseen
from sellers.payouts import payouts
from sellers.prices import Ask
from sellers.profile.directory import find, give_to
from sellers.publishing import publish, republish
from sellers.refusals import ListingRefused, Why
from sellers.site import Site, this_site
from sellers.terms import Sample, Terms


@dataclass(frozen=True, slots=True)
class Stall:
    """One listing of the demo market."""

    seller: str
    slug: str
    endpoint: Endpoint
    dollars: Decimal
    release: str = "hold"
    stream: bool = False
    category: str = ""

    @property
    def path(self) -> str:
        return f"{self.seller}/{self.slug}"


STALLS: Final = (
    Stall("atlas", "city-facts", LOOKUP, Decimal("0.002"), category="data"),
    Stall(
        "atlas", "unit-conversion", CONVERT, Decimal("0.001"), release="instant", category="compute"
    ),
    Stall("atlas", "savings-projection", REPORT, Decimal("0.05"), category="compute"),
    Stall(
        "atlas", "city-tour", TOUR, Decimal("0.01"), release="upfront", stream=True,
        category="travel",
    ),
    Stall("quill", "text-digest", TEXT, Decimal("0.01"), category="data"),
    Stall("quill", "data-quality", SCORE, Decimal("0.02"), category="developer-tools"),
    Stall("quill", "identicon", IDENTICON, Decimal("0.005"), category="media"),
)  # fmt: skip


SELLERS: Final = tuple(sorted({stall.seller for stall in STALLS}))


@dataclass(frozen=True, slots=True)
class ExampleCall:
    """A call that a listing answers: what a buyer's program would send."""

    path: str
    method: str
    suffix: str  # what follows the listing's address
    content_type: str
    body: bytes


def seed(upstream_base_url: str) -> list[str]:
    """Put the demo's listings on sale, or bring them up to date; returns their paths."""
    site = this_site()
    for seller in Seller.objects.filter(slug__in=SELLERS).exclude(owner=None):
        _prove_wallet(seller)  # of a demo that was made before its sellers had proven theirs
    for stall in STALLS:
        _put_up(stall, _terms(stall, upstream_base_url, site), site)
    return [stall.path for stall in STALLS]


def keep_owners(password: str) -> None:
    """The demo's sellers sign in by their own names, with the password that was printed."""
    users = get_user_model().objects
    for slug in SELLERS:
        user = users.filter(username=slug).first() or users.create_user(slug, password=password)
        give_to(slug, user)
        _prove_wallet(Seller.objects.get(slug=slug))


def example_calls() -> list[ExampleCall]:
    """One good call for every listing of the demo, to make its history with."""
    return [_example_call(stall) for stall in STALLS]


def _prove_wallet(seller: Seller) -> None:
    """Whoever owns a listing can change its terms only while its wallet is shown to be theirs."""
    account, (network, *_) = demo_account(seller.slug), settings.CHAINS
    if payouts.vouched(payouts.standing(seller), account.address, network) is None:
        text = payouts.question(seller, account.address)
        signed = Account.sign_message(encode_defunct(text=text), account.private_key)
        payouts.prove(seller, text, "0x" + bytes(signed.signature).hex(), by=command("demo"))
        for notice in unseen(seller.pk):  # it warns of what the demo has just done
            put_away(seller.pk, notice.pk)


def _put_up(stall: Stall, terms: Terms, site: Site) -> None:
    try:
        listing = find(stall.path)
    except ListingRefused as refused:
        if refused.why is not Why.NO_SUCH_LISTING:
            raise
        publish(stall.seller, stall.slug, terms, site)
    else:
        republish(listing, terms, site)


def _terms(stall: Stall, upstream_base_url: str, site: Site) -> Terms:
    endpoint = stall.endpoint
    draft = Draft(
        upstream_url=upstream_base_url + endpoint["path"],
        title=endpoint["title"],
        description=endpoint["description"],
        sample=Sample(**endpoint["sample"]),
        prices=[
            Ask(stall.dollars, site.accepted[0].asset.network, demo_account(stall.seller).address)
        ],
        method=endpoint["method"],
        example=endpoint["example_input"],
        input_schema=endpoint["input_schema"],
        output_schema=endpoint["output_schema"],
        tags=endpoint["tags"],
        release=stall.release,
        stream=stall.stream,
        category=stall.category,
    )
    return finish(draft, site)


def _example_call(stall: Stall) -> ExampleCall:
    endpoint = stall.endpoint
    content_type, content = body(
        endpoint["example_input"], body_media_type(endpoint["input_schema"])
    )
    names = list(endpoint["example_input"].get("path", ()))
    return ExampleCall(
        path=stall.path,
        method=endpoint["method"],
        suffix=suffix(endpoint["example_input"], names),
        content_type=content_type,
        body=content,
    )
