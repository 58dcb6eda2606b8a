"""The buyer's own secret name for a purchase (x402 `payment-identifier`), as proof of buying.

Only its hash is kept. Whoever knows the name is the buyer, so it is never shown, and after five
wrong guesses at one payment it proves nothing there any more; the payer's wallet still does.
"""

from __future__ import annotations

import hashlib
import hmac

from payments.database.pool import Pool
from payments.lookup import Held
from payments.marks import IDENTIFIER_MISS

TRIES_MAX = 5


def identifier_hash(identifier: str) -> bytes:
    """What the claim keeps of a payment identifier.

    Without a salt: the answer to "is it this one" must not depend on which row is asked, and
    identifiers are random names of 16 characters or more, not passwords.
    """
    return hashlib.sha256(b"souk payment-identifier\x00" + identifier.encode("utf-8")).digest()


async def proves_identifier(pool: Pool, held: Held, identifier: str) -> bool:
    """Whether this is the name that was in the claim. Counts the wrong ones."""
    if held.identifier_hash is None or held.identifier_misses >= TRIES_MAX:
        return False
    right = hmac.compare_digest(held.identifier_hash, identifier_hash(identifier))
    async with pool.connection() as connection, connection.transaction():
        # Under the row's lock, or a thousand guesses at once would all be the first.
        cursor = await connection.execute(
            "select identifier_misses from payments_progress where payment_id = %s for update",
            (held.payment_id,),
        )
        row = await cursor.fetchone()
        if row is None or row[0] >= TRIES_MAX:
            return False
        if not right:
            await connection.execute(IDENTIFIER_MISS, (held.payment_id,))
    return right
