"""A look at a seller's upstream: one call, as a buyer's would be, for its sample answer."""

from __future__ import annotations

from collections.abc import Sequence

from yarl import URL

from payments.egress import Failed, Limits, exchange, open_client
from sellers.drafts import SAMPLE_BYTES_MAX
from sellers.refusals import bad
from sellers.site import Site
from sellers.terms import Sample


async def probe(
    site: Site, method: str, url: URL, headers: Sequence[tuple[str, str]], body: bytes
) -> Sample:
    """Call the upstream once and keep what it answers, or say why there is no answer."""
    limits = Limits(
        connect_seconds=site.connect_seconds,
        first_byte_seconds=site.first_byte_seconds,
        total_seconds=site.total_seconds,
        body_bytes_max=SAMPLE_BYTES_MAX,
    )
    async with open_client(site.egress) as client:
        reply = await exchange(client, method, url, headers=headers, body=body, limits=limits)
    if isinstance(reply, Failed):
        raise bad("sample", f"the upstream gave no answer ({reply.kind}): {reply.detail}")
    if not reply.framed:
        # Calls refuse it too: without a length or chunks a cut answer looks like a whole one.
        raise bad("sample", "the upstream says neither a Content-Length nor sends chunks")
    content_type = reply.headers.get("Content-Type", "application/octet-stream")
    return Sample(reply.status, content_type, reply.body)
