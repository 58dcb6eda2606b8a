"""What this site's operator decided, as far as selling depends on it: the one reader of settings.

Everything else in `sellers` is given a `Site`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.conf import settings

from payments.egress import EgressRule
from payments.wiring.bounds import egress_rule, exposure
from payments.wiring.networks import assets, settle_margin_seconds
from payments.x402.networks import Asset, address_bytes, checksum


@dataclass(frozen=True, slots=True)
class Accepted:
    """A token that may be asked for here, and the least a call may cost in it."""

    asset: Asset
    price_floor: Decimal
    settle_margin_seconds: int  # what a payment on its network still needs when the work is done


@dataclass(frozen=True, slots=True)
class Site:
    call_base_url: str
    public_base_url: str
    accepted: tuple[Accepted, ...]  # in the order of the settings; the first is the default
    price_max: Decimal  # dollars; a dearer call would be above what may be unsettled
    max_timeout_seconds: int
    settle_margin_seconds: int
    price_grace_seconds: int
    instant_price_max: Decimal
    answer_keep_days: int
    answer_bytes_max: int
    connect_seconds: float
    first_byte_seconds: float
    total_seconds: float
    egress: EgressRule
    secrets_keys: tuple[str, ...]
    looks_hour_max: int  # of one seller, at upstreams
    documents_hour_max: int  # of one seller, to be read
    payout_cooldown_seconds: int  # before a changed wallet of a live listing is paid
    join_seconds: int  # within which a new payment joins one that its buyer went away from
    refund_days: int  # after a payment, in which its buyer may ask for it back

    def accepts(self, network: str, asset: str = "") -> Accepted | None:
        """The token of a network that is taken here; the network's first when none is named."""
        for accepted in self.accepted:
            known = accepted.asset
            if known.network == network and (
                not asset or address_bytes(known.address) == address_bytes(asset)
            ):
                return accepted
        return None


def this_site() -> Site:
    """The site as its settings say."""
    return Site(
        call_base_url=settings.CALL_BASE_URL,
        public_base_url=settings.PUBLIC_BASE_URL,
        accepted=tuple(
            Accepted(asset, Decimal(str(chain["PRICE_FLOOR"])), settle_margin_seconds(network))
            for network, chain in settings.CHAINS.items()
            for asset in assets(network).values()
        ),
        price_max=exposure().price_max,
        max_timeout_seconds=settings.MAX_TIMEOUT_SECONDS,
        settle_margin_seconds=settings.SETTLE_MARGIN_SECONDS,
        price_grace_seconds=settings.PRICE_GRACE_SECONDS,
        instant_price_max=settings.INSTANT_PRICE_MAX,
        answer_keep_days=settings.ANSWER_KEEP_DAYS,
        answer_bytes_max=settings.ANSWER_BYTES_MAX,
        connect_seconds=settings.UPSTREAM_CONNECT_SECONDS,
        first_byte_seconds=settings.UPSTREAM_FIRST_BYTE_SECONDS,
        total_seconds=settings.UPSTREAM_TOTAL_SECONDS,
        egress=egress_rule(),
        secrets_keys=tuple(settings.SELLER_SECRETS_KEYS),
        looks_hour_max=settings.LOOKS_HOUR_MAX,
        documents_hour_max=settings.DOCUMENTS_HOUR_MAX,
        payout_cooldown_seconds=settings.PAYOUT_COOLDOWN_SECONDS,
        join_seconds=int(settings.JOIN_SECONDS),
        refund_days=settings.DISPUTE_WINDOW_DAYS,
    )


def settings_mark() -> str:
    """A word for the settings that the catalog tells of: another one when any of them is another.

    It is asked for with every request of the catalog, so nothing is worked out for it.
    """
    taken = [
        (
            name,
            str(chain.get("ASSETS")),
            chain.get("BLOCK_SECONDS"),
            str(chain.get("PRICE_FLOOR")),
        )
        for name, chain in settings.CHAINS.items()
    ]
    decided = (
        settings.CALL_BASE_URL, settings.PUBLIC_BASE_URL, taken, settings.MAX_TIMEOUT_SECONDS,
        settings.SETTLE_MARGIN_SECONDS, exposure().price_max, settings.PRICE_GRACE_SECONDS,
        settings.UPSTREAM_TOTAL_SECONDS, settings.ANSWER_BYTES_MAX, settings.DISPUTE_WINDOW_DAYS,
    )  # fmt: skip
    return hashlib.sha256(repr(decided).encode()).hexdigest()[:8]


@dataclass(frozen=True, slots=True)
class WebhookLimits:
    """How many addresses a seller may name, and how long and how often each is tried."""

    per_seller_max: int
    seconds: float
    endpoint_in_flight_max: int
    in_flight_max: int
    retry_hours: int
    overlap_hours: int
    keep_days: int


def webhook_limits() -> WebhookLimits:
    """What the operator allows of webhooks."""
    return WebhookLimits(
        per_seller_max=settings.WEBHOOKS_PER_SELLER_MAX,
        seconds=settings.WEBHOOK_SECONDS,
        endpoint_in_flight_max=settings.WEBHOOK_ENDPOINT_IN_FLIGHT_MAX,
        in_flight_max=settings.WEBHOOK_IN_FLIGHT_MAX,
        retry_hours=settings.WEBHOOK_RETRY_HOURS,
        overlap_hours=settings.WEBHOOK_OVERLAP_HOURS,
        keep_days=settings.DELIVERY_KEEP_DAYS,
    )


@dataclass(frozen=True, slots=True)
class KeyLimits:
    """How many API keys a seller may have, what one may ask, and how long old ones are shown."""

    per_seller_max: int
    keep_days: int
    calls_per_minute: int


def key_limits() -> KeyLimits:
    """What the operator allows of API keys."""
    return KeyLimits(
        per_seller_max=settings.API_KEYS_PER_SELLER_MAX,
        keep_days=settings.API_KEY_KEEP_DAYS,
        calls_per_minute=settings.API_CALLS_PER_MINUTE,
    )


def terms_date() -> date:
    """The day of the terms that sellers accept now."""
    day: date = settings.TERMS_DATE
    return day


def canary_addresses() -> tuple[str, ...]:
    """The wallets with which the operator tries listings out; they are no customers."""
    return tuple(checksum(address_bytes(each)) for each in settings.CANARY_ADDRESSES)


@dataclass(frozen=True, slots=True)
class HealthLimits:
    """How often live listings are looked at, and after how many failures one is paused."""

    probe_seconds: int
    failures_max: int
    drifts_max: int  # looks in a row with drift before one is paused; 0: never
    keep_days: int


def health_limits() -> HealthLimits:
    """What the operator decided about probes."""
    return HealthLimits(
        probe_seconds=settings.PROBE_SECONDS,
        failures_max=settings.PROBE_FAILURES_MAX,
        drifts_max=settings.PROBE_DRIFTS_MAX,
        keep_days=settings.PROBE_KEEP_DAYS,
    )


@dataclass(frozen=True, slots=True)
class PreviewLimits:
    """How long a draft can be tried out, how many at once, and what their addresses are made of."""

    key: bytes
    seconds: int
    per_seller_max: int
    hour_max: int
    wallets: tuple[str, ...]  # that may pay for anybody's test call, as the demo's own does


def preview_limits() -> PreviewLimits:
    """What the operator allows of test calls."""
    return PreviewLimits(
        key=hashlib.sha256(f"souk previews {settings.SECRET_KEY}".encode()).digest(),
        seconds=settings.PREVIEW_SECONDS,
        per_seller_max=settings.PREVIEWS_PER_SELLER_MAX,
        hour_max=settings.PREVIEWS_HOUR_MAX,
        wallets=tuple(checksum(address_bytes(each)) for each in settings.PREVIEW_WALLETS),
    )


@dataclass(frozen=True, slots=True)
class VerifyLimits:
    """Whether this site asks its own address as graders do, and how often about each listing."""

    asks_itself: bool
    seconds: int


def verify_limits() -> VerifyLimits:
    """What the operator decided about the checklist."""
    return VerifyLimits(asks_itself=settings.ASKS_ITSELF, seconds=settings.VERIFY_SECONDS)


@dataclass(frozen=True, slots=True)
class DomainLimits:
    """How often a proven domain is looked at, and for how many days it may not be found."""

    seconds: int
    lost_days: int


def domain_limits() -> DomainLimits:
    """What the operator decided about sellers' domains."""
    return DomainLimits(seconds=settings.DOMAIN_SECONDS, lost_days=settings.DOMAIN_LOST_DAYS)


@dataclass(frozen=True, slots=True)
class ReviewRules:
    """How many people have to say yes to what, and what needs nobody's."""

    people: int  # for a dear price or another payout wallet; everything else needs one
    above: Decimal  # dollars: a dearer call needs that many
    hold_seconds: int  # how long an item is one moderator's
    undo_seconds: int
    cooldown_seconds: int
    unasked_below: Decimal  # dollars: a cheaper change needs nobody; 0: everything is looked at
    unasked_after: int  # approvals by people that a seller needs first


def review_rules() -> ReviewRules:
    """What the operator decided about reviews."""
    return ReviewRules(
        people=settings.REVIEW_PEOPLE,
        above=settings.REVIEW_PEOPLE_ABOVE,
        hold_seconds=settings.REVIEW_HOLD_SECONDS,
        undo_seconds=settings.REVIEW_UNDO_SECONDS,
        cooldown_seconds=settings.PAYOUT_COOLDOWN_SECONDS,
        unasked_below=settings.AUTO_APPROVE_BELOW,
        unasked_after=settings.AUTO_APPROVE_AFTER,
    )


@dataclass(frozen=True, slots=True)
class ReportLimits:
    """How many reports may be open about one listing, and how long closed ones are kept."""

    per_listing_max: int
    keep_days: int


def report_limits() -> ReportLimits:
    """What the operator allows of reports."""
    return ReportLimits(settings.REPORTS_PER_LISTING_MAX, settings.REPORT_KEEP_DAYS)
