"""What a query asks of the catalog's rows, as SQL with its values."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from marketplace.catalog.queries import Query
from marketplace.catalog.wording import ALL, ANY, RULED_OUT, AnyOf, all_of
from payments.x402.networks import address_bytes, checksum
from sellers.site import Site


@dataclass(frozen=True, slots=True)
class Asked:
    """A query's conditions as SQL, with their values."""

    others: str  # besides the text
    text: str  # a tsquery; empty where no text is looked for
    values: dict[str, Any]

    @property
    def sql(self) -> str:
        return f"{self.others} and e.search @@ ({self.text})" if self.text else self.others

    @classmethod
    def of(cls, query: Query, site: Site) -> Asked | None:
        """None when nothing can fit."""
        parts, values = ["true"], dict[str, Any]()
        if facets := _facets(query):
            parts.append("e.facets @> %(facets)s::text[]")
            values["facets"] = facets
        text = ""
        if query.text and query.relaxed:
            any_of = AnyOf.of(query.text)
            text, values = ANY, values | any_of.values
            parts += [RULED_OUT] if any_of.ruled_out else []
        elif query.text:
            text, values = ALL, values | all_of(query.text)
        if query.url_substring:
            parts.append("position(lower(%(within)s) in lower(%(base)s || e.path)) > 0")
            values |= {"within": query.url_substring, "base": f"{site.call_base_url}/call/"}
        if query.min_success is not None:
            parts.append("e.success_7d >= %(min_success)s")
            values["min_success"] = query.min_success
        if query.min_calls:
            parts.append("e.calls_30d >= %(min_calls)s")
            values["min_calls"] = query.min_calls
        if query.verified:
            parts.append("e.last_verified_at > now() - interval '1 day'")
        if _asks_of_prices(query):
            payable = _payable(query, site)
            if not payable:
                return None
            networks, assets, most = zip(*payable, strict=True)
            parts.append(_PAYABLE)
            values |= {
                "networks": list(networks), "assets": list(assets), "amounts": list(most),
                "pay_to": query.pay_to, "scheme": query.scheme,
            }  # fmt: skip
        if query.max_usd is not None:
            parts.append("e.cheapest <= %(max_usd)s")
            values["max_usd"] = query.max_usd
        return cls(" and ".join(parts), text, values)


def _facets(query: Query) -> list[str]:
    """What must be equal, as one condition that an index answers."""
    found = [f"tag:{tag}" for tag in query.tags]
    for name in ("category", "method", "seller", "scheme"):
        found += [f"{name}:{value}" for value in (getattr(query, name),) if value]
    for name, values in (("network", query.networks), ("asset", query.assets)):
        found += [f"{name}:{value.lower()}" for value in values if len(values) == 1]
    if query.pay_to:
        found.append(f"pay_to:{query.pay_to.lower()}")
    return found


def _asks_of_prices(query: Query) -> bool:
    asked = query.networks or query.assets or query.scheme or query.pay_to
    return bool(asked) or query.max_usd is not None


def _payable(query: Query, site: Site) -> list[tuple[str, str, int]]:
    """The tokens that fit, with the most that a call may cost in each."""
    dollars = site.price_max if query.max_usd is None else min(query.max_usd, site.price_max)
    found = []
    for each in site.accepted:
        network, asset = each.asset.network, checksum(address_bytes(each.asset.address))
        fits = not query.networks or network in query.networks
        if fits and (not query.assets or asset in query.assets):
            found.append((network, asset, int(dollars * Decimal(10**each.asset.decimals))))
    return found


# One price that fits in every way; a subselect with a limit stays where it is, row by row.
_PAYABLE: Final = """
    (select true from payments_openoffer p
       join unnest(%(networks)s::text[], %(assets)s::text[], %(amounts)s::numeric[])
            as ok(network, asset, most) on ok.network = p.network and ok.asset = p.asset
      where p.listing_id = e.listing_id and p.closed_at is null and p.amount_atomic <= ok.most
        and (%(pay_to)s = '' or p.pay_to = %(pay_to)s)
        and (%(scheme)s = '' or p.scheme = %(scheme)s) limit 1)
"""
