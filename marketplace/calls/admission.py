"""What a paid call must pass before anything is claimed for it, cheapest first."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import partial
from math import ceil

from django.conf import settings

from marketplace.calls.outcomes import TOO_MANY, Refused, Unavailable
from marketplace.calls.readiness import GAS_RETRY_SECONDS
from marketplace.calls.requests import BodyIncomplete, BodyTooLarge, CallRequest
from marketplace.calls.room import Room
from marketplace.calls.shelf import Shelved
from payments.presented import Presented
from payments.x402.reasons import PaymentRefused, Reason
from payments.x402.types import Requirements
from sellers.schemas.validating import InputRefused
from sellers.upstreams.targets import UnsafeTarget, target

LATER_SECONDS = 5
BREAKER_RETRY_SECONDS = 15
BODY_CHECKED_INLINE_MAX = 32_000  # a larger one may take a quarter of a second


async def read_body(request: CallRequest) -> bytes | Refused:
    try:
        return await request.read_body()
    except BodyTooLarge:
        most = settings.REQUEST_BODY_BYTES_MAX
        return Refused(413, "body_too_large", f"At most {most} bytes. Nothing was charged.")
    except BodyIncomplete:
        return Refused(400, "body_incomplete", "The request's body did not arrive whole.")


async def admit_input(sold: Shelved, request: CallRequest) -> bytes | Refused:
    """The listing's real method, and an input that its schema takes; nothing is claimed else."""
    if request.method != sold.terms.method:
        return Refused(
            405,
            "method_not_allowed",
            f"This listing is called with {sold.terms.method}. Nothing was charged.",
            headers=(("Allow", f"{sold.terms.method}, OPTIONS"),),
        )
    body = await read_body(request)
    if isinstance(body, Refused):
        return body
    content_type = next((value for name, value in request.headers if name == "content-type"), "")
    try:
        check = partial(sold.validator.check, request.segments, request.query, content_type, body)
        if len(body) > BODY_CHECKED_INLINE_MAX:
            await asyncio.to_thread(check)
        else:
            check()
        target(sold.upstream.url_template, path_values(sold, request), request.query)
    except InputRefused as refused:
        return Refused(refused.status, "input_refused", f"{refused}. Nothing was charged.")
    except UnsafeTarget as unsafe:
        return Refused(400, "input_refused", f"{unsafe}. Nothing was charged.")
    return body


def path_values(sold: Shelved, request: CallRequest) -> dict[str, str]:
    return dict(zip(sold.terms.path_parameters, request.segments, strict=True))


def not_now(room: Room, sold: Shelved, network: str) -> Unavailable | None:
    """Refuse before the upstream is called what could not be settled or delivered."""
    health = room.health.get(network)
    why = "nobody settles this network yet" if health is None else health.refusing_why
    if why:
        return Unavailable("settlement_unavailable", f"{why}; nothing was charged.", LATER_SECONDS)
    if (network, sold.seller_id) in room.out_of_gas:
        return Unavailable(
            "seller_gas_spent",
            "This seller's calls cost more gas today than allowed; nothing was charged.",
            GAS_RETRY_SECONDS,
        )
    if room.is_full:
        return TOO_MANY
    if room.breaker.wait_seconds(sold.path, asyncio.get_running_loop().time()):
        return _failing()
    return None


def closed_trial(room: Room, sold: Shelved, payer: str) -> Unavailable | None:
    """After a pause one call at a time may try a failing endpoint; taken by valid payments only."""
    admitted = room.breaker.admit(sold.path, payer, asyncio.get_running_loop().time())
    return None if admitted else _failing()


def give_trial_back(room: Room, sold: Shelved, payer: str) -> None:
    """What was let through is not claimed: it must not keep the next call from trying."""
    room.breaker.give_back(sold.path, payer, asyncio.get_running_loop().time())


def _failing() -> Unavailable:
    return Unavailable(
        "listing_unavailable",
        "The seller's endpoint fails at the moment; nothing was charged.",
        BREAKER_RETRY_SECONDS,
    )


def check_window(room: Room, sold: Shelved, presented: Presented, offer: Requirements) -> None:
    """Recipient, amount and time, with the margin that the work, ours and a block still need.

    A seller who takes all of their time must not have worked for a signature that has run out.
    Upfront the money moves before they begin.
    """
    margin = room.terms[offer.network].settle_margin_seconds
    if sold.terms.release != "upfront":
        margin += ceil(sold.upstream.total_seconds)
    now = max(int(time.time()), room.health[offer.network].head_time_unix)
    presented.check(offer, now=now, margin_seconds=margin)


@dataclass(frozen=True, slots=True)
class Tried:
    """What the chain says of a promise: `purse` is all that its payer held there a moment ago."""

    used: bool
    payer_has_code: bool
    purse: int


async def try_on_chain(
    room: Room, presented: Presented, offer: Requirements, *, own_key: bool
) -> Tried:
    """Whether it would go through now; the purse is asked for beside that, and not every time."""
    owned = offer.network, offer.asset, presented.authorization.payer
    trial = simulate(room, presented, offer, own_key=own_key)
    known = room.purses.recall(*owned)
    if known is None:
        has_code, purse = await asyncio.gather(trial, room.purses.look(*owned))
    else:
        has_code, purse = await trial, known
    return Tried(has_code is None, bool(has_code), purse)


async def simulate(
    room: Room, presented: Presented, offer: Requirements, *, own_key: bool
) -> bool | None:
    """Try the transfer on the newest state: whether code answers for the payer, or None when used.

    Where there is code at the payer only its own word counts, as in the token; where there is
    none, only the key's.
    """
    chain = room.chains[offer.network]
    authorization = presented.authorization
    if not own_key and not await chain.has_code(authorization.payer):
        raise PaymentRefused(presented.signature_fault(offer))
    simulation = await chain.simulate(
        presented.scheme.transfer_call(authorization, offer.asset, payer_has_code=not own_key),
        authorization.payer,
    )
    if simulation.passed:
        return simulation.payer_has_code
    reason = presented.scheme.reason_of_revert(simulation.revert)
    if reason is Reason.ALREADY_USED:
        return None
    raise PaymentRefused(reason)
