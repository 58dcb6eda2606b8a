"""The 402 of what is not for sale yet, and whether it will be short enough to be sold."""

from __future__ import annotations

from sellers.offers import HEADER_BYTES_MAX, Quoted, challenge, header_bytes, quote, resource_url
from sellers.price_rows import PriceRow
from sellers.refusals import bad
from sellers.site import Site
from sellers.terms import Terms


def quote_to_be(terms: Terms, url: str, site: Site) -> Quoted:
    """The 402 that these terms will have once they are published at this address."""
    prices = [PriceRow.as_if_open(price) for price in terms.prices]
    return challenge(terms, quote(terms, prices, site), url, site)


def refuse_too_long(terms: Terms, path: str, site: Site) -> None:
    """Refuse terms whose 402 does not fit into its header, whatever is left out of it."""
    quoted = quote_to_be(terms, resource_url(site.call_base_url, path), site)
    size = header_bytes(quoted.challenge)
    if size > HEADER_BYTES_MAX:
        raise bad(
            "description",
            f"the quote would be {size} bytes long, and clients take {HEADER_BYTES_MAX}:"
            " shorten the description or the tags, or offer fewer prices",
        )
