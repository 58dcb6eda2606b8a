"""How far a call to a listing's endpoint may go: the same for buyers' calls and for our looks.

Else a look could fail, and have a listing paused, where every buyer is served.
"""

from __future__ import annotations

from payments.egress import Limits
from sellers.site import Site
from sellers.terms import Terms


def upstream_limits(terms: Terms, site: Site) -> Limits:
    """What the operator allows now, in the time that the seller chose for a call.

    A revision holds the other limits, too, as they stood when it was made. Nobody chose those, and
    what the operator raises since is for what is live as well.
    """
    seconds = min(terms.total_seconds, site.total_seconds)
    return Limits(
        connect_seconds=min(site.connect_seconds, seconds),
        first_byte_seconds=min(site.first_byte_seconds, seconds),
        total_seconds=seconds,
        body_bytes_max=site.answer_bytes_max,
    )
