"""What the quotes on the shelf promise: the site's newest signature, and what can be settled now.

The worker signs (`sellers.signed_offers`); the door holds no key and only puts what was signed
into the 402 that it keeps written. Programs sign for the first price that they can pay: a network
that takes nothing at the moment is left out where there is another one.
"""

from __future__ import annotations

import asyncio
import logging
import time
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from marketplace.calls.shelf import Shelf, Shelved
from payments.acceptance.promise import Offer
from payments.database.outage import Outage
from payments.database.pool import Pool, rows
from payments.x402.headers import encode_json
from payments.x402.types import Challenge
from sellers import offers
from sellers.extensions.offer_receipt import SignedPrices
from sellers.site import Site

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 2.0
# Whatever was signed within so long is read at each look; a look that was late by more than the
# difference misses a signature, and the next one comes a minute later.
LOOK_BACK_SECONDS: Final = 6.0
# A buyer needs some time with it, and no look may come so late that one run out is served.
SPARE_SECONDS: Final = 30
LOOKED_AT_ONCE: Final = 200  # quotes, before calls have their turn


def is_good(signed: SignedPrices) -> bool:
    """Whether a signature is worth quoting still."""
    return signed.valid_until_unix > time.time() + SPARE_SECONDS


def rendered(challenge: Challenge) -> tuple[bytes, str]:
    """A 402's body, and its header: base64 of exactly the body."""
    body = encode_json(challenge.to_wire())
    return body, b64encode(body).decode()


def requoted(shelved: Shelved, signed: SignedPrices | None, site: Site) -> Shelved:
    """The same thing for sale at the same price, with this signature or without any."""
    prices = _quoted(shelved)
    written = offers.challenge(shelved.terms, prices, shelved.url, site, signed).challenge
    body, header = rendered(written)
    return replace(
        shelved, challenge=written, challenge_body=body, challenge_header=header, signed=signed
    )


def quoted_without(shelved: Shelved, networks: frozenset[str], site: Site) -> Shelved:
    """The same thing for sale at the same prices, of which some are not told."""
    fewer = replace(shelved, unquoted=networks)
    written = offers.challenge_v1(shelved.terms, _quoted(fewer), shelved.url, site)
    body = encode_json(written.to_wire())
    fewer = replace(fewer, challenge_v1=written, challenge_v1_body=body)
    return requoted(fewer, shelved.signed, site)


def _quoted(shelved: Shelved) -> tuple[Offer, ...]:
    return tuple(
        offer for offer in shelved.offers if offer.requirements.network not in shelved.unquoted
    )


class Promises:
    """Puts new signatures on the shelf and takes old ones away, and prices nobody can pay now."""

    def __init__(
        self, pool: Pool, shelf: Shelf, site: Site, *, closed: Callable[[Shelved], frozenset[str]]
    ) -> None:
        """Take who says on which networks a listing cannot be paid for now."""
        self._pool = pool
        self._shelf = shelf
        self._site = site
        self._closed = closed

    async def keep_new(self) -> None:
        """Look for new signatures every few seconds, for ever."""
        outage = Outage(log, "Prices get no new signatures")
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with outage.passed_over():
                await self.renew()

    async def keep_good(self) -> None:
        """Drop what runs out, for ever, even while the database leaves the other look waiting."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.drop_expired()

    async def keep_payable(self) -> None:
        """Leave out of the quotes what cannot be settled just now, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.leave_out_closed()

    async def leave_out_closed(self) -> None:
        """Quote on the networks that take payments; where none does, nothing is quoted at all."""
        for number, shelved in enumerate(tuple(self._shelf.at_hand.values()), 1):
            if number % LOOKED_AT_ONCE == 0:
                await asyncio.sleep(0)
            if len(shelved.offers) < 2:
                continue
            closed = self._closed(shelved)
            if closed != shelved.unquoted and closed < _networks(shelved):
                self._shelf.exchange(shelved, quoted_without(shelved, closed, self._site))
                await asyncio.sleep(0)

    async def renew(self) -> None:
        """Put what was signed lately under the quotes it belongs to."""
        for path, revision_hash, jws, valid_until_unix in await rows(
            self._pool, _SIGNED_LATELY, {"seconds": LOOK_BACK_SECONDS}
        ):
            shelved = self._shelf.at_hand.get(path)
            if shelved is None or shelved.revision_hash != revision_hash:
                continue
            if shelved.signed is None or valid_until_unix > shelved.signed.valid_until_unix:
                await self._requote(shelved, SignedPrices(tuple(jws), valid_until_unix))

    async def drop_expired(self) -> None:
        """Quote without a signature what has none any more that is worth having."""
        soon = time.time() + SPARE_SECONDS
        for shelved in tuple(self._shelf.at_hand.values()):
            if shelved.signed is not None and shelved.signed.valid_until_unix <= soon:
                await self._requote(shelved, None)

    async def _requote(self, shelved: Shelved, signed: SignedPrices | None) -> None:
        self._shelf.exchange(shelved, requoted(shelved, signed, self._site))
        await asyncio.sleep(0)  # writing takes a good part of a millisecond; calls go first


def _networks(shelved: Shelved) -> frozenset[str]:
    return frozenset(offer.requirements.network for offer in shelved.offers)


_SIGNED_LATELY: Final = """
    select s.slug || '/' || l.slug, r.hash, d.jws, d.valid_until_unix
      from sellers_signedoffers d
      join sellers_revision r on r.id = d.revision_id
      join sellers_listing l on l.live_revision_id = r.id
      join sellers_seller s on s.id = l.seller_id
     where d.signed_at > statement_timestamp() - make_interval(secs => %(seconds)s)
"""
