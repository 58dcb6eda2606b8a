"""The site's signature under every quote on the shelf: the newest one, and never one run out.

The worker signs (`sellers.signed_offers`); the door holds no key and only puts what was signed
into the 402 that it keeps written.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from base64 import b64encode
from dataclasses import replace
from typing import Final

import psycopg

from marketplace.calls.shelf import Shelf, Shelved
from payments.pool import Pool, rows
from payments.x402.headers import encode_json
from payments.x402.types import Challenge
from sellers import offers
from sellers.offer_receipt import SignedPrices
from sellers.site import Site

LOOK_SECONDS: Final = 2.0
# Whatever was signed within so long is read at each look; a look that was late by more than the
# difference misses a signature, and the next one comes a minute later.
LOOK_BACK_SECONDS: Final = 6.0
# A buyer needs some time with it, and no look may come so late that one run out is served.
SPARE_SECONDS: Final = 30


def is_good(signed: SignedPrices) -> bool:
    """Whether a signature is worth quoting still."""
    return signed.valid_until_unix > time.time() + SPARE_SECONDS


def rendered(challenge: Challenge) -> tuple[bytes, str]:
    """A 402's body, and its header: base64 of exactly the body."""
    body = encode_json(challenge.to_wire())
    return body, b64encode(body).decode()


def requoted(shelved: Shelved, signed: SignedPrices | None, site: Site) -> Shelved:
    """The same thing for sale at the same price, with this signature or without any."""
    quoted = offers.challenge(shelved.terms, shelved.offers, shelved.url, site, signed)
    body, header = rendered(quoted.challenge)
    return replace(
        shelved,
        challenge=quoted.challenge,
        challenge_body=body,
        challenge_header=header,
        signed_until_unix=signed.valid_until_unix if signed else None,
    )


class Promises:
    """Puts new signatures on the shelf and takes old ones away."""

    def __init__(self, pool: Pool, shelf: Shelf, site: Site) -> None:
        self._pool = pool
        self._shelf = shelf
        self._site = site

    async def keep_new(self) -> None:
        """Look for new signatures every few seconds, for ever."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with contextlib.suppress(psycopg.Error, TimeoutError):
                await self.renew()

    async def keep_good(self) -> None:
        """Drop what runs out, for ever, even while the database leaves the other look waiting."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.drop_expired()

    async def renew(self) -> None:
        """Put what was signed lately under the quotes it belongs to."""
        for path, revision_hash, jws, valid_until_unix in await rows(
            self._pool, _SIGNED_LATELY, {"seconds": LOOK_BACK_SECONDS}
        ):
            shelved = self._shelf.at_hand.get(path)
            if shelved is None or shelved.revision_hash != revision_hash:
                continue
            if valid_until_unix > (shelved.signed_until_unix or 0):
                await self._requote(shelved, SignedPrices(tuple(jws), valid_until_unix))

    async def drop_expired(self) -> None:
        """Quote without a signature what has none any more that is worth having."""
        soon = time.time() + SPARE_SECONDS
        for shelved in tuple(self._shelf.at_hand.values()):
            if shelved.signed_until_unix is not None and shelved.signed_until_unix <= soon:
                await self._requote(shelved, None)

    async def _requote(self, shelved: Shelved, signed: SignedPrices | None) -> None:
        self._shelf.exchange(shelved, requoted(shelved, signed, self._site))
        await asyncio.sleep(0)  # writing takes a good part of a millisecond; calls go first


_SIGNED_LATELY: Final = """
    select s.slug || '/' || l.slug, r.hash, d.jws, d.valid_until_unix
      from sellers_signedoffers d
      join sellers_revision r on r.id = d.revision_id
      join sellers_listing l on l.live_revision_id = r.id
      join sellers_seller s on s.id = l.seller_id
     where d.signed_at > statement_timestamp() - make_interval(secs => %(seconds)s)
"""
