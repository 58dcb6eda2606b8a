"""What one person alone does not put on sale: dear calls, and money that would go elsewhere."""

from __future__ import annotations

from decimal import Decimal

from payments.amounts import Amount
from sellers.models import Listing, Verdict
from sellers.moderators import judges
from sellers.payouts.payouts import pays_elsewhere
from sellers.prices import in_dollars
from sellers.site import ReviewRules
from sellers.terms import Terms

_FAR_DECIMALS = 0  # of a token we do not know: it counts as dear


def why_two(listing: Listing, rules: ReviewRules) -> list[str]:
    """Why what is proposed needs more than one yes; nothing when one is enough."""
    revision = listing.proposed_revision
    if rules.people < 2 or revision is None:
        return []
    found = []
    if dearest(Terms.from_json(revision.terms)) > rules.above:
        found.append(f"a call costs more than ${rules.above:f}")
    if pays_elsewhere(revision, listing.live_revision):
        found.append("the payout wallet changes")
    return found


def yeses_missing(listing: Listing, rules: ReviewRules, *, besides: int | None = None) -> int:
    """How many more people have to say yes, not counting this one's."""
    if not why_two(listing, rules):
        return 0 if besides is not None else 1
    return max(0, rules.people - len(yeses(listing) | ({besides} - {None})))


def yeses(listing: Listing) -> set[int | None]:
    """Who has said yes to what is proposed, since it was submitted, and may still say so."""
    revision = listing.proposed_revision
    if revision is None or listing.submitted_at is None:
        return set()
    said = Verdict.objects.filter(
        listing=listing,
        became=Verdict.Became.COUNTED,
        revision_hash=bytes(revision.hash),
        at__gte=listing.submitted_at,
        moderator__in=judges(),
    )
    return set(said.values_list("moderator_id", flat=True))


def dearest(terms: Terms) -> Decimal:
    """What the dearest way to pay for a call costs, in dollars."""
    return max(_dollars(price.network, price.asset, price.amount_atomic) for price in terms.prices)


def _dollars(network: str, asset: str, amount_atomic: int) -> Decimal:
    decimals = Amount.of(network, asset, amount_atomic).decimals
    return in_dollars(amount_atomic, _FAR_DECIMALS if decimals is None else decimals)
