"""What buyers' proofs are checked with on the site: a few connections, and the chains.

The door has its own, larger ones; a site that runs apart from it opens these when the first
buyer comes, one set for each event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from weakref import WeakKeyDictionary

from payments.chains import Chain
from payments.database.pool import Pool
from payments.wiring.networks import networks, open_chain
from payments.wiring.pools import open_site_pool

CONNECTIONS_MAX = 4


@dataclass(frozen=True, slots=True)
class Counter:
    """Where stored answers are handed over."""

    pool: Pool
    chains: Mapping[str, Chain]


_counters: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[Counter]] = WeakKeyDictionary()


async def counter() -> Counter:
    """The one of this event loop; callers that come together share its opening."""
    loop = asyncio.get_running_loop()
    opening = _counters.get(loop)
    if opening is None or (opening.done() and (opening.cancelled() or opening.exception())):
        opening = _counters[loop] = loop.create_task(_open())
    return await asyncio.shield(opening)


async def close_counter() -> None:
    """Let go of what this event loop opened, if it opened anything."""
    opening = _counters.pop(asyncio.get_running_loop(), None)
    if opening is None:
        return
    opened = await opening
    for chain in opened.chains.values():
        await chain.close()
    await opened.pool.close()


async def _open() -> Counter:
    pool = await open_site_pool(CONNECTIONS_MAX)
    return Counter(pool, {network: open_chain(network) for network in networks()})
