"""Whether a listing of ours is sound, in the shape of the Bazaar's validation.

It is the list that its seller sees (`sellers.grading.checklist`), of what our own door answered
when it was last asked as a grader asks, or of the very challenge that it sends.
"""

from __future__ import annotations

from typing import Any

from marketplace.catalog.documents.market import stamp
from payments.x402.types import X402_VERSION
from sellers.grading import verified
from sellers.grading.checklist import checks_of_sale
from sellers.grading.checks import Check, preflight
from sellers.market.goods import Good
from sellers.offers import challenge
from sellers.site import Site


def of(good: Good, method: str, site: Site) -> dict[str, Any]:
    """What an unpaid call with this method meets, and each check of it."""
    terms = good.terms
    quoted = challenge(terms, good.offers, good.url, site).challenge
    asked = verified.validate(good.path) or checks_of_sale(terms, good.url, site)
    checks = [*asked, _method(terms.method, method)]
    return {
        **preflight(checks),
        "statusCode": 402,
        "x402Version": X402_VERSION,
        "paymentRequirements": quoted.to_wire()["accepts"],
        "index": {"active": True, "lastCrawledAt": _seen(good)},
    }


def of_nothing() -> dict[str, Any]:
    """Of an address at which nothing is for sale."""
    check = Check("returns-402", False, "required", "nothing is for sale here", "402", "404")
    return {
        **preflight([check]),
        "statusCode": 404,
        "x402Version": X402_VERSION,
        "paymentRequirements": [],
        "index": {"active": False, "lastCrawledAt": None},
    }


def _method(sold: str, asked: str) -> Check:
    """Unpaid, every method is quoted; paid, the listing has its one."""
    return Check(
        "method", sold == asked, "advisory",
        "a paid call is made with the listing's own method", sold, asked, f"Call it with {sold}.",
    )  # fmt: skip


def _seen(good: Good) -> str | None:
    """When we last saw it work: it is in our own catalog, nobody has to crawl it."""
    seen = good.quality.last_verified_at
    return stamp(seen) if seen else None
