"""What an agent's grader will see of a listing, before it is published: each check with its fix.

The ids are those of the public graders where they have one, and the answer has the shape of CDP's
preflight, so that a program that reads theirs reads ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from payments.amounts import Amount
from payments.x402.networks import NETWORKS
from sellers.models import Look, Worksheet
from sellers.offers import HEADER_BYTES_MAX, challenge, header_bytes, quote, resource_url
from sellers.payouts import standing, vouched
from sellers.prices import in_dollars
from sellers.site import Site
from sellers.terms import PriceTerms, Terms

DESCRIPTION_CHARACTERS_LEAST = 20
DESCRIPTION_CHARACTERS_MAX = 500
SUSPICIOUS_DOLLARS = 100


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a grader looks at."""

    check: str
    passed: bool
    severity: str  # required or advisory
    detail: str
    expected: str
    actual: str
    fix: str = ""
    step: str = ""  # where it is mended

    def to_json(self) -> dict[str, Any]:
        """In CDP's shape, and what to do beside it."""
        said = {
            "check": self.check,
            "passed": self.passed,
            "detail": self.detail,
            "expected": self.expected,
            "actual": self.actual,
            "severity": self.severity,
        }
        return said if self.passed or not self.fix else said | {"fix": self.fix}


def preflight(checks: list[Check]) -> dict[str, Any]:
    """The whole list as programs read it."""
    valid = all(check.passed for check in checks if check.severity == "required")
    return {"valid": valid, "preflight": [check.to_json() for check in checks]}


def checks_of(worksheet: Worksheet, terms: Terms, slug: str, site: Site) -> list[Check]:
    """Every check of a finished draft, in the order in which graders go through them."""
    seller = worksheet.seller
    url = resource_url(site.call_base_url, f"{seller.slug}/{slug}")
    return [
        *_door(terms, url, site),
        *_prices(terms, site),
        *_words(terms),
        *_budget(terms, url, site),
        *_payouts(worksheet, terms),
        *_upstream(worksheet, terms),
    ]


def _door(terms: Terms, url: str, site: Site) -> Iterator[Check]:
    https = url.startswith("https://")
    yield _required("returns-402", "every unpaid call is answered with its price", "402", "402")
    yield Check(
        "resource-url", https, "required" if https else "advisory",
        "the public address is https and stands in the quote as it is", "https", url,
        "The operator sets CALL_BASE_URL to an https address; a demo on a laptop has none.",
    )  # fmt: skip
    yield _required("protocol-version", "the quote speaks x402 version 2", "2", "2")
    yield _required("challenge-header", "header and body say the same", "equal", "equal")
    yield _advisory("cors-expose", "browsers' programs may read the quote", "exposed", "exposed")
    yield _advisory("no-store", "no cache keeps a quote", "no-store", "no-store")
    yield _required("input-schema", "programs know what to send", "a schema", "a schema")
    yield _advisory("output-schema", "programs know what comes back", "a schema", "a schema")
    yield _advisory("demo-live", "a free sample answer stands ready", "stored", "stored")
    yield _required("bazaar", "the example call keeps its own schema", "valid", "valid")
    yield _advisory("terms-version-pinned", "approval is of exactly this text", "pinned", "pinned")


def _prices(terms: Terms, site: Site) -> Iterator[Check]:
    said = ", ".join(_spelled(price) for price in terms.prices)
    yield _required("accepts", "at least one way to pay", "1 or more", str(len(terms.prices)))
    known = all(site.accepts(price.network, price.asset) for price in terms.prices)
    yield Check(
        "unknown_asset", known, "required", "every token is taken here", "known", said,
        "Choose a token of this marketplace.", "price",
    )  # fmt: skip
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
    yield _required(
        "description-500", "the description fits everywhere",
        f"{DESCRIPTION_CHARACTERS_MAX} characters at most", f"{length}",
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
    prices = [_open(price) for price in terms.prices]
    quoted = challenge(terms, quote(terms, prices, site), url, site)
    size = header_bytes(quoted.challenge)
    yield _required(
        "header-budget", "the quote fits into a header", f"{HEADER_BYTES_MAX} bytes", f"{size}"
    )
    shed = ", ".join(each.replace("_", " ") for each in quoted.shed)
    yield Check(
        "bazaar-output", not quoted.shed, "advisory", "nothing had to be left out of the quote",
        "nothing left out", shed or "nothing left out",
        "Shorten the schemas' descriptions or the sample; the listing's page shows them whole.",
        "shape",
    )  # fmt: skip


def _payouts(worksheet: Worksheet, terms: Terms) -> Iterator[Check]:
    known = standing(worksheet.seller)
    unproven = [p.pay_to for p in terms.prices if vouched(known, p.pay_to, p.network) is None]
    yield Check(
        "payto-confirmed", not unproven, "required", "the payout wallet is proven to be yours",
        "signed for", "not signed for" if unproven else "signed for",
        "Sign with the wallet that is to be paid.", "payout",
    )  # fmt: skip


def _upstream(worksheet: Worksheet, terms: Terms) -> Iterator[Check]:
    newest = worksheet.looks.order_by("-created_at").first()
    good = newest is not None and newest.state == Look.State.GOOD
    asked = newest is not None and newest.asked.get("url") == terms.upstream_url
    actual = "it answered" if good else "it failed" if newest else "nobody looked"
    yield Check(
        "upstream-live", good and asked, "advisory", "the endpoint answers the example call",
        "it answered", actual if asked or newest is None else "another address was looked at",
        "Look at the endpoint once more.", "endpoint",
    )  # fmt: skip
    yield _required(
        "upstream-not-charged-on-5xx", "a failed call costs nothing", "not charged", "not charged"
    )


def _required(check: str, detail: str, expected: str, actual: str) -> Check:
    return Check(check, True, "required", detail, expected, actual)


def _advisory(check: str, detail: str, expected: str, actual: str) -> Check:
    return Check(check, True, "advisory", detail, expected, actual)


@dataclass(frozen=True, slots=True)
class _Open:
    """A price as if it were open: the quote is written by the very function that sells."""

    id: UUID
    network: str
    scheme: str
    asset: str
    pay_to: str
    amount_atomic: int


def _open(price: PriceTerms) -> _Open:
    return _Open(
        UUID(int=0), price.network, price.scheme, price.asset, price.pay_to, price.amount_atomic
    )


def _spelled(price: PriceTerms) -> str:
    amount = Amount.of(price.network, price.asset, price.amount_atomic)
    return f"{amount.text} on {NETWORKS[price.network].name}"


def _dollars(price: PriceTerms) -> float:
    decimals = Amount.of(price.network, price.asset, price.amount_atomic).decimals
    return float(in_dollars(price.amount_atomic, decimals or 6))
