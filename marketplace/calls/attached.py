"""What a call brings along as its payment, in either version of x402, as a payment for an offer.

Version 1 names neither the offer nor the token that was signed for. The token decides which
payment it is, so it is found out and not assumed: the signature itself says it, wherever more
than one token of a network is taken here.
"""

from __future__ import annotations

from collections.abc import Collection

from marketplace.calls.requests import CallRequest
from marketplace.calls.room import Room
from marketplace.calls.shelf import Absent, Place, Shelved
from payments import lookup
from payments.database.pool import Pool
from payments.presented import Presented
from payments.x402 import v1
from payments.x402.networks import Asset
from payments.x402.reasons import PaymentRefused, Reason
from payments.x402.types import PaymentPayload, Requirements


async def read_payment(room: Room, place: Place, request: CallRequest) -> PaymentPayload:
    """The payment that this call carries."""
    assert request.credential is not None
    attached = request.decode(request.credential)
    if isinstance(attached, PaymentPayload):
        return attached
    return await completed(room.pool, place, room.assets.values(), attached)


async def completed(
    pool: Pool, place: Place, tokens: Collection[Asset], payment: v1.Payment
) -> PaymentPayload:
    """A version 1 payment with what it accepts: an offer of ours, or what no offer asks."""
    offers = [] if isinstance(place, Absent) else _offers_it_pays(place, payment)
    here = [token for token in tokens if token.network == payment.network]
    if not here:
        raise PaymentRefused(Reason.NO_MATCHING_REQUIREMENTS)
    token = here[0] if len(here) == 1 else await _token_of(pool, here, offers, payment)
    offer = next((offer for offer in offers if offer.asset == token.address), None)
    return payment.accepting(offer or payment.terms(token))


def _offers_it_pays(place: Shelved, payment: v1.Payment) -> list[Requirements]:
    return [
        offer.requirements
        for sold in (place, *place.earlier)
        for offer in sold.offers
        if payment.pays(offer.requirements)
    ]


async def _token_of(
    pool: Pool, tokens: list[Asset], offers: list[Requirements], payment: v1.Payment
) -> Asset:
    """The token that a payment is signed for, among several.

    A plain account's signature fits one of them. A contract wallet's fits none until the chain
    has judged it: then it is the payment that we hold already, else the only offer it could mean.
    """
    here = {token.network for token in tokens}
    shown = [
        (token, Presented.read(payment.accepting(payment.terms(token)), here)) for token in tokens
    ]
    for token, presented in shown:
        if presented.signed_by_own_key(payment.terms(token)):
            return token
    held = await lookup.by_identities(pool, [presented.identity for _, presented in shown])
    for (token, _), ours in zip(shown, held, strict=True):
        if ours is not None:
            return token
    meant = [token for token in tokens if any(offer.asset == token.address for offer in offers)]
    if len(meant) == 1:
        return meant[0]
    raise PaymentRefused(
        Reason.NO_MATCHING_REQUIREMENTS,
        "which token this payment is in cannot be told; version 2 of x402 names it",
    )
