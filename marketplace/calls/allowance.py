"""What the owner of the paying wallet allows: refused before anything is charged, and in words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal

from marketplace.calls.ceiling import price_dollars
from marketplace.calls.outcomes import Refused
from marketplace.calls.room import Room
from payments.acceptance.promise import Claim, Offer
from payments.exposure.exposure import SPENT_KEY, CapLimit
from payments.limits import owners
from payments.limits.alerts import note_full
from payments.limits.owners import Refusal, Rules
from payments.lookup import Held

OWNERS = " Nothing was charged. The owner of the wallet changes it on the marketplace's page."


async def forbidden(room: Room, payer: str, offer: Offer, path: str) -> Refused | None:
    """Why this call is not paid for whatever was spent before."""
    rules = room.rules.of(payer)
    if _judged(rules, offer, path) is None:
        return None
    # What is remembered may have been changed since: a claim would say so, and there is none.
    rules = await room.rules.learn(room.pool, payer)
    refusal = _judged(rules, offer, path)
    return _refused(refusal) if refusal else None


def limited(room: Room, claim: Claim) -> Claim:
    """The claim under the sums that the owner set; without rules it stays as it is."""
    rules = room.rules.of(claim.authorization.payer)
    if not rules.version:
        return claim
    caps: tuple[CapLimit, ...] = ()
    if rules.count_on(claim.offer.requirements.network):
        caps = rules.caps(
            path=claim.purchase.listing_path,
            decimals=claim.offer.decimals,
            at=datetime.now(UTC),
        )
    return replace(claim, caps=claim.caps + caps, limits_version=rules.version)


async def used_up(room: Room, claim: Claim) -> Refused | None:
    """Which of the owner's sums had no room for a claim that was turned away."""
    authorization = claim.authorization
    rules = room.rules.of(authorization.payer)
    return await _without_room(room, rules, claim.caps, authorization.amount_atomic)


@dataclass(frozen=True, slots=True)
class Again:
    """What the owner's rules say of a payment that is tried again."""

    rules: Rules
    caps: tuple[CapLimit, ...] = ()
    refused: Refused | None = None


async def again(room: Room, held: Held) -> Again:
    """Such a payment counts in the hour and day it was made in."""
    rules = await owners.read_rules(room.pool, held.payer)
    if not rules.count_on(held.network):
        return Again(rules)
    decimals = room.assets[held.network, held.asset].decimals
    caps = rules.caps(path=held.listing_path, decimals=decimals, at=held.created_at)
    dollars = Decimal(held.amount_atomic).scaleb(-decimals)
    refusal = rules.refusal(held.listing_path, dollars)
    return Again(rules, caps, _refused(refusal) if refusal else None)


async def used_up_again(room: Room, held: Held, said: Again) -> Refused | None:
    """Which of the owner's sums had no room for another attempt."""
    return await _without_room(room, said.rules, said.caps, held.amount_atomic)


async def _without_room(
    room: Room, rules: Rules, caps: Iterable[CapLimit], amount_atomic: int
) -> Refused | None:
    spent = {cap.key: cap.limit_atomic for cap in caps if cap.key.startswith(SPENT_KEY)}
    if not spent:
        return None
    used = await owners.used_of(room.pool, list(spent))
    full = next(
        (key for key, most in spent.items() if used.get(key, 0) + amount_atomic > most), None
    )
    if full is None:
        return None
    refusal = rules.full(full, used.get(full, 0), amount_atomic)
    if refusal is None:
        return None
    await note_full(room.pool, rules, full, used.get(full, 0))
    return _refused(refusal)


def _judged(rules: Rules, offer: Offer, path: str) -> Refusal | None:
    if not rules.count_on(offer.requirements.network):
        return None
    return rules.refusal(path, price_dollars(offer))


def _refused(refusal: Refusal) -> Refused:
    return Refused(403, refusal.word, refusal.text + OWNERS)
