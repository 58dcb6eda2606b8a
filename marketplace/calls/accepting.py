"""A promise taken in: what it must stand before it is claimed, and what is said when it is not."""

from __future__ import annotations

from functools import partial
from typing import Literal

from marketplace.calls import allowance, joining, returning
from marketplace.calls.admission import (
    Tried,
    check_window,
    closed_trial,
    give_trial_back,
    try_on_chain,
)
from marketplace.calls.asking import Attempt
from marketplace.calls.outcomes import CallOutcome, Refused, Unavailable
from marketplace.calls.readiness import place_for
from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from marketplace.calls.shares import Share
from marketplace.calls.shelf import Shelved
from marketplace.calls.spoken_for import SOON_SECONDS, spoken_for
from payments.acceptance.claiming import ClaimVerdict
from payments.acceptance.promise import Claim, Offer, Purchase
from payments.at_hand import payment_at_hand
from payments.chains.collector import TooManyWaiting
from payments.exposure import risk
from payments.exposure.exposure import payer_key
from payments.presented import Presented
from payments.relaying.gas import NOBODY, out_of_budget
from payments.x402.reasons import PaymentRefused, Reason
from payments.x402.types import Requirements

WALLET_PAUSE_SECONDS = 600
JOINS_MAX = 3
_TryAgain = Literal[ClaimVerdict.HAS_TWIN, ClaimVerdict.LIMITS_CHANGED, ClaimVerdict.CAP_REACHED]
TAKEN = frozenset({ClaimVerdict.TAKEN, ClaimVerdict.TAKEN_ON_TRUST})


async def accept(
    room: Room,
    sold: Shelved,
    offer: Offer,
    presented: Presented,
    purchase: Purchase,
    request: CallRequest,
    body: bytes,
) -> CallOutcome | Attempt:
    """Check the promise, offline first and then on chain, and claim it.

    The claim itself notices a call that its buyer went away from, or gave the same identifier.
    The new payment joins that one; should it end without an answer, everything is checked again.
    """
    for _ in range(JOINS_MAX):
        outcome = await _try_to_claim(room, sold, offer, presented, purchase, request, body)
        if outcome is ClaimVerdict.LIMITS_CHANGED:
            await room.rules.learn(room.pool, presented.authorization.payer)
            continue
        if outcome is ClaimVerdict.CAP_REACHED:  # there is more in the purse than was remembered
            continue
        if outcome is not ClaimVerdict.HAS_TWIN:
            return outcome
        if joined := await joining.join(room, presented, purchase, request):
            return joined
    raise TimeoutError  # so many twins were abandoned and failed: it is tried again later


async def _try_to_claim(
    room: Room,
    sold: Shelved,
    offer: Offer,
    presented: Presented,
    purchase: Purchase,
    request: CallRequest,
    body: bytes,
) -> CallOutcome | Attempt | _TryAgain:
    requirements = offer.requirements
    check_window(room, sold, presented, requirements)
    own_key = presented.signed_by_own_key(requirements)
    payer = presented.authorization.payer
    if payer in room.denied or requirements.pay_to in room.denied:
        return Refused(403, "address_denied", "This marketplace does not serve that address.")
    forbidden = partial(allowance.forbidden, room, payer, offer, purchase.listing_path)
    # A wallet's limits are told to whoever signed for it: of code, only the chain knows that.
    if own_key and (refused := await forbidden()):
        return refused
    try:
        tried = await try_on_chain(room, presented, requirements, own_key=own_key)
    except PaymentRefused:
        # The first payment may have taken the last of the buyer's money.
        if own_key and (joined := await joining.join(room, presented, purchase, request)):
            return joined
        if own_key:  # whoever only names a wallet must not speak for it
            room.strikes.empty(payer)
        raise
    if tried.used:
        return await _once_more(room, presented, purchase, request)
    if not own_key and (refused := await forbidden()):
        return refused
    if paused := await _burns_gas(room, payer, requirements, has_code=tried.payer_has_code):
        return paused
    place = place_for(room, sold)
    if isinstance(place, Unavailable):  # what is under way already needs no other
        return await joining.join(room, presented, purchase, request) or place
    if unavailable := closed_trial(room, sold, payer):
        return unavailable
    plain = _claim(room, offer, purchase, presented, tried, joins=not request.fresh)
    claim = allowance.limited(room, plain)
    verdict = await _submit(room, sold, claim, place)
    if verdict in TAKEN:
        return Attempt.first(claim, body, place, on_trust=verdict is ClaimVerdict.TAKEN_ON_TRUST)
    if verdict is ClaimVerdict.HAS_TWIN or verdict is ClaimVerdict.LIMITS_CHANGED:
        return verdict
    return await _not_taken(room, verdict, claim, tried.purse, presented, request)


async def _submit(room: Room, sold: Shelved, claim: Claim, place: Share) -> ClaimVerdict:
    """Claim it. What is not taken, whyever, keeps neither a place nor the trial of an endpoint."""
    verdict: ClaimVerdict | None = None
    payment_at_hand.set(claim.payment_id)  # should nothing come back of the commit, it is named
    try:
        verdict = await room.claims.submit(claim)
        if verdict not in TAKEN:
            payment_at_hand.set(None)
        return verdict
    except TooManyWaiting:  # it never set out
        payment_at_hand.set(None)
        raise
    finally:
        if verdict not in TAKEN:
            place.give_back()
            give_trial_back(room, sold, claim.authorization.payer)


async def _burns_gas(
    room: Room, payer: str, wanted: Requirements, *, has_code: bool
) -> Unavailable | None:
    """Asked anew where it is likely; of the others, what was so a moment ago is good enough.

    Contracts are made as fast as they burn our gas: those that have never paid wait for another
    day once much was burnt on theirs.
    """
    why = ""
    if payer in room.out_of_budget or (has_code and await out_of_budget(room.pool, [payer])):
        why = "Settling for this wallet failed too often."
    elif has_code and (wanted.network, NOBODY) in room.out_of_gas:
        key = payer_key(wanted.network, wanted.asset, payer)
        if not await risk.has_earned(room.pool, key):
            why = (
                "Too much gas was spent in vain today: of wallets that are contracts, only those"
                " that have paid here before are taken."
            )
    return Unavailable("wallet_paused", why, WALLET_PAUSE_SECONDS) if why else None


async def _once_more(
    room: Room, presented: Presented, purchase: Purchase, request: CallRequest
) -> CallOutcome:
    """Used on chain already. A twin of this call may have done that; nobody else's use counts."""
    held = await room.known.submit(presented.identity)
    if held is not None:
        return await returning.answer(room, held, presented, purchase.listing_path, request)
    raise PaymentRefused(Reason.ALREADY_USED, "this authorization was used or cancelled elsewhere")


def _claim(
    room: Room,
    offer: Offer,
    purchase: Purchase,
    presented: Presented,
    tried: Tried,
    *,
    joins: bool,
) -> Claim:
    requirements = offer.requirements
    return Claim(
        offer=offer,
        purchase=purchase,
        authorization=presented.authorization,
        identity=presented.identity,
        payer_has_code=tried.payer_has_code,
        identifier_hash=presented.identifier_hash,
        claimed_block=room.health[requirements.network].head_number,
        caps=room.exposure.caps(
            network=requirements.network,
            asset=requirements.asset,
            decimals=offer.decimals,
            payer=presented.authorization.payer,
            listing_id=purchase.listing_id,
            amount=requirements.amount_atomic,
            purse=tried.purse,
        ),
        joins=joins,
        protocol_version=presented.version,
    )


async def _not_taken(
    room: Room,
    verdict: ClaimVerdict,
    claim: Claim,
    purse: int,
    presented: Presented,
    request: CallRequest,
) -> CallOutcome | Literal[ClaimVerdict.CAP_REACHED]:
    held = await room.known.submit(presented.identity)
    if held is not None:
        path = claim.purchase.listing_path
        return await returning.answer(room, held, presented, path, request)
    if verdict is ClaimVerdict.CAP_REACHED:
        if refused := await allowance.used_up(room, claim):
            return refused
        wanted, payer = claim.offer.requirements, claim.authorization.payer
        full = await spoken_for(room, wanted, payer, purse)
        if full == "more by now":
            return verdict
        return full or Unavailable(
            "exposure_cap",
            "Too much is unsettled for now; nothing was charged. Send the same payment again.",
            SOON_SECONDS,
        )
    return Unavailable(
        "offer_closed", "This price was just closed; nothing was charged.", SOON_SECONDS
    )
