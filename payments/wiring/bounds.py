"""How much may be asked, promised and sent, and where to."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings

from payments.egress import EgressRule, own_addresses, own_names, parse_allowance
from payments.exposure.exposure import Exposure, Trust
from payments.serving.leaving import LeavingTerms


def exposure() -> Exposure:
    return Exposure(
        payer=settings.EXPOSURE_PAYER,
        listing=settings.EXPOSURE_LISTING,
        site=settings.EXPOSURE_SITE,
        site_slices=settings.EXPOSURE_SITE_SLICES,
        trust=Trust(
            price=settings.INSTANT_PRICE_MAX,
            payer=settings.INSTANT_PAYER,
            listing=settings.INSTANT_LISTING,
            site=settings.INSTANT_SITE,
        ),
    )


def forgive_seconds() -> int:
    """How long an answer that was never paid takes up room under the caps of instant release."""
    return int(settings.INSTANT_LOSS_SECONDS)


@dataclass(frozen=True, slots=True)
class DisputeTerms:
    """How long buyers and sellers have, and how often the chain is searched for a refund."""

    window_days: int  # after a payment it can be disputed for so long
    answer_days: int
    refund_days: int
    search_seconds: int


def dispute_terms() -> DisputeTerms:
    return DisputeTerms(
        window_days=settings.DISPUTE_WINDOW_DAYS,
        answer_days=settings.DISPUTE_ANSWER_DAYS,
        refund_days=settings.DISPUTE_REFUND_DAYS,
        search_seconds=settings.DISPUTE_SEARCH_SECONDS,
    )


def leaving_terms() -> LeavingTerms:
    return LeavingTerms(settings.ANSWERS_IN_HAND_BYTES_MAX, settings.STREAM_STALL_SECONDS)


def refund_requests_per_minute() -> int:
    """How often a network may ask for refunds, or how they stand."""
    per_minute: int = settings.REFUND_REQUESTS_PER_MINUTE
    return per_minute


def wallet_proofs_per_minute() -> int:
    """How many proofs of one network the chain is asked about."""
    per_minute: int = settings.WALLET_PROOFS_PER_MINUTE
    return per_minute


def egress_rule() -> EgressRule:
    allowed = tuple(parse_allowance(text) for text in settings.EGRESS_ALLOW)
    own = (*settings.ALLOWED_HOSTS, *settings.OWN_ADDRESSES)
    return EgressRule(allowed, own=own_addresses(own), own_names=own_names(own))
