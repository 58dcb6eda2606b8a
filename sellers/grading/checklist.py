"""What an agent's grader will see of a listing, before it is published: each check with its fix.

The ids are those of the public graders where they have one, and the answer has the shape of CDP's
preflight, so that a program that reads theirs reads ours.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from payments.amounts import Amount
from payments.x402.networks import NETWORKS
from sellers.drafts import DESCRIPTION_CHARACTERS_MAX
from sellers.grading.checks import ADVISORY, REQUIRED, Check, advisory, required
from sellers.grading.face import Face
from sellers.grading.grading import graded
from sellers.grading.header_budget import quote_to_be
from sellers.grading.listed import listed
from sellers.grading.schema_checks import schema_checks
from sellers.models import Listing, Look, Seller, Worksheet
from sellers.offers import HEADER_BYTES_MAX, header_bytes, resource_url
from sellers.payouts.payouts import standing, vouched
from sellers.previews import TestCall, calls_of
from sellers.prices import in_dollars
from sellers.profile.look_alikes import look_alike
from sellers.site import Site
from sellers.terms import PriceTerms, Terms

DESCRIPTION_CHARACTERS_LEAST = 20
SUSPICIOUS_DOLLARS = 100
HASH_DIGITS_SHOWN = 16


def checks_of(
    worksheet: Worksheet, terms: Terms, slug: str, site: Site, face: Face | None = None
) -> list[Check]:
    """Every check of a finished draft, in the order in which graders go through them.

    With a face of it (its preview's) what can be asked was asked; else our code's word stands.
    """
    url = resource_url(site.call_base_url, f"{worksheet.seller.slug}/{slug}")
    return [
        *checks_of_sale(terms, url, site, face),
        *_names(worksheet.seller, terms),
        *_payouts(worksheet.seller, terms),
        *_upstream(worksheet.looks.order_by("-created_at").first(), terms),
        *_tried(calls_of(worksheet), terms),
    ]


def checks_of_proposal(
    listing: Listing, terms: Terms, site: Site, face: Face | None = None
) -> list[Check]:
    """Every check of what a program proposed whole: no endpoint was looked at, nothing tried."""
    return [
        *checks_of_sale(terms, resource_url(site.call_base_url, listing.path), site, face),
        *_names(listing.seller, terms),
        *_payouts(listing.seller, terms),
        *_upstream(None, terms),
        *_tried([], terms),
    ]


def checks_of_sale(terms: Terms, url: str, site: Site, face: Face | None = None) -> list[Check]:
    """The checks of what is sold at this address, whoever sells it and wherever it comes from."""
    return [
        *_door(terms, url, site, face),
        *schema_checks(terms),
        *_prices(terms, site),
        *_words(terms),
        *_budget(terms, url, site),
    ]


def checks_of_listing(listing: Listing, terms: Terms, site: Site, face: Face) -> list[Check]:
    """Every check of something that is sold."""
    return [
        *graded(face, terms, site),
        *listed(face),
        *schema_checks(terms),
        *_pinned(listing, terms),
        *_prices(terms, site),
        *_words(terms),
        *_names(listing.seller, terms),
        # What the operator's commands published has the operator's word, whoever owns it now.
        *(replace(each, severity=ADVISORY) for each in _payouts(listing.seller, terms)),
    ]


def _door(terms: Terms, url: str, site: Site, face: Face | None) -> Iterator[Check]:
    """What is asked of the preview is asked of the same code that will sell the listing."""
    if face is not None and face.is_known:
        # How long the quote is, is judged at the address that it will have.
        judged = ("header-budget", "bazaar-output")
        yield from (each for each in graded(face, terms, site) if each.check not in judged)
        return
    yield from _by_construction(terms, url, site)
    if face is not None:
        yield unreached(face)


def unreached(face: Face) -> Check:
    """Nothing could be asked: the operator's matter, and no fault of a seller."""
    return Check(
        "own-face", False, ADVISORY, "this marketplace can ask its own address", "an answer",
        face.why_not,
        "The operator lets the site and its worker reach PUBLIC_BASE_URL and CALL_BASE_URL.",
    )  # fmt: skip


def _by_construction(terms: Terms, url: str, site: Site) -> Iterator[Check]:
    https = url.startswith("https://")
    yield required("returns-402", "every unpaid call is answered with its price", "402", "402")
    yield Check(
        "resource-url", https, "required" if https else "advisory",
        "the public address is https and stands in the quote as it is", "https", url,
        "The operator sets CALL_BASE_URL to an https address; a demo on a laptop has none.",
    )  # fmt: skip
    yield required("protocol-version", "the quote speaks x402 version 2", "2", "2")
    yield required("challenge-header", "header and body say the same", "equal", "equal")
    yield advisory("cors-expose", "browsers' programs may read the quote", "exposed", "exposed")
    yield advisory("no-store", "no cache keeps a quote", "no-store", "no-store")
    yield advisory("demo-live", "a free sample answer stands ready", "stored", "stored")
    yield required("bazaar", "the example call keeps its own schema", "valid", "valid")
    yield required("accepts", "at least one way to pay", "1 or more", str(len(terms.prices)))
    known = all(site.accepts(price.network, price.asset) for price in terms.prices)
    yield Check(
        "unknown_asset", known, REQUIRED, "every token is taken here", "known",
        "known" if known else "a token is not", "Choose a token of this marketplace.", "price",
    )  # fmt: skip


def _pinned(listing: Listing, terms: Terms) -> Iterator[Check]:
    live = listing.live_revision
    approved = "nothing" if live is None else bytes(live.hash).hex()[:HASH_DIGITS_SHOWN]
    sold = terms.content_hash().hex()[:HASH_DIGITS_SHOWN]
    yield Check(
        "terms-version-pinned", approved == sold, ADVISORY, "what is sold is what was approved",
        approved, sold, "Tell the operator: what is stored is not what was approved.",
    )  # fmt: skip


def _prices(terms: Terms, site: Site) -> Iterator[Check]:
    said = ", ".join(_spelled(price) for price in terms.prices)
    main = any(not NETWORKS[price.network].testnet for price in terms.prices)
    yield Check(
        "testnet_only", main, "advisory", "real money can be paid", "a main network", said,
        "Add a price on a main network, where this marketplace takes one.", "price",
    )  # fmt: skip
    amounts = [_dollars(price) for price in terms.prices]
    sane = all(amount <= SUSPICIOUS_DOLLARS for amount in amounts)
    yield Check(
        "suspicious_amount", sane, "advisory", "no price looks like a slip",
        f"${SUSPICIOUS_DOLLARS} at most", said, "Look at the decimal point once more.", "price",
    )  # fmt: skip


def _words(terms: Terms) -> Iterator[Check]:
    length = len(terms.description)
    yield Check(
        "description-500", length <= DESCRIPTION_CHARACTERS_MAX, REQUIRED,
        "the description fits everywhere", f"{DESCRIPTION_CHARACTERS_MAX} characters at most",
        f"{length}", "Say it in fewer words.", "words",
    )  # fmt: skip
    yield Check(
        "description-says-enough", length >= DESCRIPTION_CHARACTERS_LEAST, "advisory",
        "agents choose by the description", f"{DESCRIPTION_CHARACTERS_LEAST} characters or more",
        f"{length}", "Say in a sentence or two what comes back, and for what input.", "words",
    )  # fmt: skip
    yield Check(
        "tags", bool(terms.tags), "advisory", "searches find it by its tags", "1 or more",
        str(len(terms.tags)), "Add a tag or two, such as weather.", "words",
    )  # fmt: skip


def _budget(terms: Terms, url: str, site: Site) -> Iterator[Check]:
    quoted = quote_to_be(terms, url, site)
    size = header_bytes(quoted.challenge)
    yield Check(
        "header-budget", size <= HEADER_BYTES_MAX, REQUIRED, "the quote fits into a header",
        f"{HEADER_BYTES_MAX} bytes at most", f"{size} bytes",
        "Shorten the description and the tags, or offer fewer prices.", "words",
    )  # fmt: skip
    shed = ", ".join(each.replace("_", " ") for each in quoted.shed)
    yield Check(
        "bazaar-output", not quoted.shed, "advisory", "nothing had to be left out of the quote",
        "nothing left out", shed or "nothing left out",
        "Shorten the schemas' descriptions or the sample; the listing's page shows them whole.",
        "shape",
    )  # fmt: skip


def _payouts(seller: Seller, terms: Terms) -> Iterator[Check]:
    known = standing(seller)
    # Whom the operator's commands opened has no owner, and the operator's word instead.
    unproven = (
        []
        if seller.owner_id is None
        else [p.pay_to for p in terms.prices if vouched(known, p.pay_to, p.network) is None]
    )
    yield Check(
        "payto-confirmed", not unproven, "required", "the payout wallet is proven to be yours",
        "signed for", "not signed for" if unproven else "signed for",
        "Sign with the wallet that is to be paid.", "payout",
    )  # fmt: skip


def _names(seller: Seller, terms: Terms) -> Iterator[Check]:
    like = look_alike(seller, terms.title)
    yield Check(
        "lookalike-name", like is None, ADVISORY, "its name is not somebody else's",
        "a name of its own", f"it reads like {like}" if like else "a name of its own",
        "Choose a title that cannot be taken for another seller's.", "words",
    )  # fmt: skip


def _tried(made: Sequence[TestCall], terms: Terms) -> Iterator[Check]:
    this = terms.content_hash()
    calls = [call for call in made if call.revision_hash == this and call.is_paid]
    yield Check(
        "tested", bool(calls), ADVISORY, "a test call of exactly this draft was paid and answered",
        "a real receipt", f"payment {calls[0].payment_id}" if calls else "not tested",
        "Open a test address and buy one call with a wallet of yours.", "try",
    )  # fmt: skip


def _upstream(newest: Look | None, terms: Terms) -> Iterator[Check]:
    good = newest is not None and newest.state == Look.State.GOOD
    asked = newest is not None and newest.asked.get("url") == terms.upstream_url
    actual = "it answered" if good else "it failed" if newest else "nobody looked"
    yield Check(
        "upstream-live", good and asked, "advisory", "the endpoint answers the example call",
        "it answered", actual if asked or newest is None else "another address was looked at",
        "Look at the endpoint once more.", "endpoint",
    )  # fmt: skip


def _spelled(price: PriceTerms) -> str:
    amount = Amount.of(price.network, price.asset, price.amount_atomic)
    return f"{amount.text} on {NETWORKS[price.network].name}"


def _dollars(price: PriceTerms) -> float:
    decimals = Amount.of(price.network, price.asset, price.amount_atomic).decimals
    return float(in_dollars(price.amount_atomic, decimals or 6))
