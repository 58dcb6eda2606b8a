"""A quote for the very address that was asked for, where path values follow the listing's own.

Graders and programs compare the two. What the site signed stays the promise for the listing.
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from typing import Final

from marketplace.calls.promises import rendered
from marketplace.calls.requests import with_segments
from marketplace.calls.shelf import Shelved
from payments.x402 import v1
from payments.x402.headers import encode_json
from payments.x402.types import Challenge
from sellers.offers import HEADER_BYTES_MAX

REMEMBERED_MAX: Final = 512  # at most some 20 kB each


@lru_cache(maxsize=REMEMBERED_MAX)
def addressed(shelved: Shelved, segments: tuple[str, ...]) -> Shelved:
    """The same for sale, quoted at this address; as it is where that is none of its addresses."""
    if not segments or len(segments) != len(shelved.terms.path_parameters):
        return shelved
    url = with_segments(shelved.url, segments)
    written = _naming(shelved.challenge, url)
    body, header = rendered(written)
    if len(header) > HEADER_BYTES_MAX:
        return shelved
    written_v1 = replace(shelved.challenge_v1, url=v1.url_of(url))
    return replace(
        shelved,
        challenge=written,
        challenge_body=body,
        challenge_header=header,
        challenge_v1=written_v1,
        challenge_v1_body=encode_json(written_v1.to_wire()),
    )


def _naming(challenge: Challenge, url: str) -> Challenge:
    """The quote with this address in it; where older programs pay is left out if it is too long."""
    named = replace(challenge, resource=replace(challenge.resource, url=url))
    if "v1" not in challenge.more:
        return named
    whole = replace(named, more={**challenge.more, "v1": v1.url_of(url)})
    if len(rendered(whole)[1]) <= HEADER_BYTES_MAX:
        return whole
    return replace(named, more={key: said for key, said in challenge.more.items() if key != "v1"})
