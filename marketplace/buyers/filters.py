"""What of a buyer's payments is looked at: everything that stands in the page's address."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final
from urllib.parse import urlencode
from uuid import UUID

from django.http import QueryDict

from marketplace.buyers.goods import Thing, things
from payments.ids import read_id
from payments.limits.groups import Team
from payments.reports.finding import Finding, find
from payments.reports.looks import FIRST_DAY, Span
from payments.reports.periods import read_span
from payments.reports.purchases import Sought
from payments.reports.spend import Ever, Outlook, ever
from payments.states import STATE_TEXTS
from payments.wallets.payers import Payer
from payments.x402.networks import NETWORKS, read_address

ALL_TIME: Final = "all"
_SUM = re.compile(r"[0-9]{1,18}(?:\.[0-9]{1,18})?")


@dataclass(frozen=True, slots=True)
class Filters:
    """The choices, each valid; whatever an address says wrongly counts as not said."""

    mine: tuple[Payer, ...]  # every wallet of the account
    period: str
    span: Span
    ever: Ever  # what all of these wallets ever paid
    known: Mapping[UUID, Thing] = field(default_factory=dict)
    teams: tuple[Team, ...] = ()  # which of them are in which group
    wallet: str = ""  # one of them
    team: Team | None = None
    seller: str = ""
    listing: Thing | None = None
    network: str = ""
    state: str = ""
    least: Decimal | None = None
    most: Decimal | None = None
    text: str = ""
    found: Finding | None = None
    older: UUID | None = None
    newer: UUID | None = None

    @property
    def payers(self) -> tuple[Payer, ...]:
        wallet = self.found.payer if self.found and self.found.payer else self.wallet
        chosen = self.team.payers if self.team else self.mine
        return tuple(each for each in chosen if wallet in ("", each.address))

    @property
    def seller_id(self) -> UUID | None:
        of = (each.seller_id for each in self.known.values() if each.seller_slug == self.seller)
        return next(of, None) if self.seller else None

    @property
    def sought(self) -> Sought:
        return Sought(
            payers=self.payers,
            first=self.span.first,
            last=self.span.last,
            seller_id=self.seller_id,
            listing_id=self.listing.id if self.listing else None,
            network=self.network,
            state=self.state,
            pay_to=self.found.pay_to if self.found else "",
            at_least=self.least,
            at_most=self.most,
            only=self.found.payments if self.found else None,
            older_than=self.older,
            newer_than=self.newer,
        )

    @property
    def outlook(self) -> Outlook:
        listing = self.listing.id if self.listing else None
        return Outlook(self.payers, self.span, self.seller_id, listing, self.network)

    @property
    def narrows(self) -> bool:
        """Whether something but the time is chosen."""
        chosen = (
            self.wallet, self.team, self.seller, self.listing, self.network, self.state, self.text,
        )  # fmt: skip
        return any(chosen) or self.least is not None or self.most is not None

    @property
    def is_all_time(self) -> bool:
        return not self.first_day and not self.last_day

    @property
    def first_day(self) -> str:
        """The first day that is shown, where that is not the very first."""
        return "" if self.span.first == FIRST_DAY else self.span.first.isoformat()

    @property
    def last_day(self) -> str:
        """The last day that is shown, where that is not today."""
        is_today = self.span.last == datetime.now(UTC).date()
        return "" if is_today else self.span.last.isoformat()

    @property
    def team_choices(self) -> dict[str, str]:
        return {each.id: each.name for each in self.teams}

    @property
    def listing_choices(self) -> dict[str, str]:
        return {each.path: f"{each.title} ({each.path})" for each in self.known.values()}

    @property
    def sellers(self) -> dict[str, str]:
        return {each.seller_slug: each.seller_name for each in self.known.values()}

    def address(self, **changed: str) -> str:
        """The same page with some choices changed; pages of payments start anew."""
        said = {
            "period": self.period,
            "by": self.span.step,
            "wallet": self.wallet,
            "group": self.team.id if self.team else "",
            "seller": self.seller,
            "listing": self.listing.path if self.listing else "",
            "network": self.network,
            "state": self.state,
            "min": "" if self.least is None else f"{self.least:f}",
            "max": "" if self.most is None else f"{self.most:f}",
            "q": self.text,
        }
        if self.period == "custom":
            said |= {"from": self.first_day, "to": self.last_day}
        return "?" + urlencode({key: value for key, value in {**said, **changed}.items() if value})


def read_filters(
    given: QueryDict,
    mine: tuple[Payer, ...],
    *,
    teams: tuple[Team, ...] = (),
    usual: str = ALL_TIME,
) -> Filters:
    """Read an address; `usual` is the time that is shown when it says none."""
    paid = ever(mine)
    known = things(paid.since)
    earliest = min(paid.since.values(), default=None)
    period, span = read_span(given, FIRST_DAY if usual == ALL_TIME else earliest, usual)
    wallet = read_address(given.get("wallet", "").strip()) or ""
    network, state = given.get("network", ""), given.get("state", "")
    path, seller = given.get("listing", ""), given.get("seller", "")
    text = given.get("q", "").strip()
    return Filters(
        mine=mine,
        period=period,
        span=span,
        ever=paid,
        known=known,
        teams=teams,
        team=next((each for each in teams if each.id == given.get("group", "")), None),
        wallet=wallet if any(each.address == wallet for each in mine) else "",
        seller=seller if any(each.seller_slug == seller for each in known.values()) else "",
        listing=next((each for each in known.values() if each.path == path), None),
        network=network if network in NETWORKS else "",
        state=state if state in STATE_TEXTS else "",
        least=_sum(given.get("min", "")),
        most=_sum(given.get("max", "")),
        text=text,
        found=find(mine, text) if text else None,
        older=read_id(given.get("older", "")),
        newer=read_id(given.get("newer", "")),
    )


def wallet_choices(mine: Sequence[Payer], names: Mapping[str, str]) -> dict[str, str]:
    """Each wallet as a choice names it, where there is one to make."""
    return {each.address: _label(each.address, names.get(each.address, "")) for each in mine}


def _label(address: str, name: str) -> str:
    if name:
        return f"{name} ({address[:6]}…{address[-4:]})"
    return f"{address[:10]}…{address[-6:]}"


def _sum(text: str) -> Decimal | None:
    text = text.strip().lstrip("$")
    return Decimal(text) if _SUM.fullmatch(text) else None
