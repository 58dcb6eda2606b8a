"""Looks at live listings when their time has come, a bounded number at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import aiohttp
from django.utils import timezone
from yarl import URL

from payments.egress import Failed, Limits, exchange, open_client
from payments.reports.upkeep import proven_among, served_lately
from payments.wiring.keys import upstream_signing_key
from sellers.drafts import SAMPLE_BYTES_MAX
from sellers.examples import body, body_media_type, path_values, query_pairs
from sellers.header_names import is_never_secret
from sellers.health import drift
from sellers.health.drift import WHY_CHARACTERS_MAX, Drift
from sellers.health.health import Seen, enroll, is_last_straw, put_off, record
from sellers.jobs import due_rows
from sellers.jobs.turns import goes_on
from sellers.models import Listing
from sellers.models.health import Health
from sellers.secrets import SecretsUnavailable, Vault
from sellers.site import Site
from sellers.terms import Sample, Terms
from sellers.texts import shorten
from sellers.upstreams.marks import mark_headers
from sellers.upstreams.targets import target
from sellers.upstreams.upstream_limits import upstream_limits

AT_ONCE = 20
RUN_MAX = 200  # in one ring of the bell, which comes every 15 s
ADDRESS_SECONDS_MAX = 30.0  # for a health address, which does no work
LEASE_SECONDS = 90  # for all of a look but the call
CALLS_READ_MAX = 20
CALLS_READ = timedelta(hours=24)
BLAMERS_READ_MAX = 100
BLAMERS_MIN = 3  # buyers for whose failed calls a listing is paused
NOBODY = "0x0000000000000000000000000000000000000000"  # who pays for a look: nobody


@dataclass(frozen=True, slots=True)
class Call:
    """One look, as it is asked of the network."""

    listing: Listing
    terms: Terms
    method: str
    url: URL
    headers: Sequence[tuple[str, str]]
    body: bytes = b""
    of_example: bool = False
    bought: Drift | None = None  # what buyers' answers of late say

    def seen(self, seen: Seen) -> Seen:
        """What this look saw, with what buyers' answers add to it."""
        if seen.drift is not None and seen.drift.differs:
            return seen
        return replace(seen, drift=self.bought or seen.drift)


def probe_due(site: Site) -> int:
    """Look at what is due, so many at most; says how many listings were looked at."""
    enroll()
    looked = 0
    while looked < RUN_MAX and goes_on() and (due := claim(site)):
        looked += len(due)
        calls = [call for row in due if (call := _prepared(row, site)) is not None]
        for call, seen in zip(calls, asyncio.run(_ask_all(calls, site)), strict=True):
            record(call.listing.pk, call.seen(seen))
    return looked


def claim(site: Site, most: int = AT_ONCE) -> list[Health]:
    """Take listings whose time has come; nobody else looks at them while that may take."""
    lease = LEASE_SECONDS + max(ADDRESS_SECONDS_MAX, site.total_seconds)
    return due_rows.take(Health, "next_probe_at", most=most, lease_seconds=lease)


def _prepared(row: Health, site: Site) -> Call | None:
    """The call to make; what needs none is settled here."""
    listing = row.listing
    if listing.state != Listing.State.LIVE or listing.live_revision is None:
        Health.objects.filter(pk=row.pk).update(next_probe_at=None, claimed_until=None)
        return None
    terms = Terms.from_json(listing.live_revision.terms)
    since = row.seen_at or timezone.now() - CALLS_READ
    bought = drift.of_buyers(listing.pk, terms, bytes(listing.live_revision.hash), since)
    if row.way == Health.Way.CALLS:
        _read_calls(row, since, bought)
        return None
    if row.way == Health.Way.URL:
        return Call(listing, terms, "GET", URL(row.url), (), bought=bought)
    try:
        return replace(_example(listing, terms, site), bought=bought)
    except SecretsUnavailable:
        put_off(row.pk)  # the operator's fault, not the seller's
        return None


def _read_calls(row: Health, since: datetime, bought: Drift | None) -> None:
    """What buyers' calls said since the last look."""
    news = served_lately(row.listing_id, since, CALLS_READ_MAX)
    put_off(row.pk)
    for left, served in zip(reversed(range(len(news))), reversed(news), strict=True):
        if not served.ok and is_last_straw(row) and not _is_blamed(row):
            continue
        said = None if left else bought  # once a look
        seen = record(
            row.listing_id, Seen(served.ok, why=f"a buyer's call: {served.why}", drift=said)
        )
        if seen is None or seen.paused_at is not None:
            return
        row = seen


def _is_blamed(row: Health) -> bool:
    """Whether several who have paid before found it failing, and nobody found it well since."""
    since = row.well_at or timezone.now() - CALLS_READ
    news = served_lately(row.listing_id, since, BLAMERS_READ_MAX)
    return len(proven_among({each.payer for each in news if not each.ok})) >= BLAMERS_MIN


def example_call(listing: Listing, site: Site) -> Call:
    """The call of a listing's own example, with its secrets, as a look makes it."""
    assert listing.live_revision is not None  # only what was approved is called
    return _example(listing, Terms.from_json(listing.live_revision.terms), site)


def _example(listing: Listing, terms: Terms, site: Site) -> Call:
    example = terms.example_input
    url = target(terms.upstream_url, path_values(example), query_pairs(example))
    content_type, content = body(example, body_media_type(terms.input_schema))
    sealed = {row.name: bytes(row.sealed) for row in listing.secrets.all()}
    wanted = {
        name: sealed[name]
        for name in terms.secret_headers
        if name in sealed and not is_never_secret(name)
    }
    secret = Vault(site.secrets_keys).open_all(listing.pk, wanted) if wanted else {}
    own_type = "content-type" in secret  # of a listing that had it before it was refused
    marks = {"payment": f"probe-{listing.pk}", "payer": NOBODY, "listing": listing.path}
    key = upstream_signing_key(str(listing.pk))
    headers = [
        ("Accept-Encoding", "identity"),
        *secret.items(),
        *([("Content-Type", content_type)] if content_type and not own_type else []),
        *mark_headers(marks, content, key, now=int(time.time())),
    ]
    return Call(listing, terms, terms.method, url, headers, content, of_example=True)


async def _ask_all(calls: Sequence[Call], site: Site) -> list[Seen]:
    if not calls:
        return []
    async with open_client(site.egress) as client:
        return await asyncio.gather(*(_ask(client, call, site) for call in calls))


async def _ask(client: aiohttp.ClientSession, call: Call, site: Site) -> Seen:
    started, limits = time.monotonic(), _limits(call, site)
    reply = await exchange(
        client, call.method, call.url, headers=call.headers, body=call.body, limits=limits
    )
    ms = round((time.monotonic() - started) * 1000)
    if isinstance(reply, Failed):
        kind = reply.kind.value.replace("_", " ")
        return Seen(False, None, ms, shorten(f"{kind}: {reply.detail}", WHY_CHARACTERS_MAX))
    if not 200 <= reply.status < 300:
        return Seen(False, reply.status, ms, f"it answered {reply.status}")
    content_type = reply.headers.get("Content-Type", "application/octet-stream")
    sample = Sample(reply.status, content_type, reply.body)
    said = drift.of_example(call.terms, sample) if call.of_example else None
    return Seen(True, reply.status, ms, drift=said)


def _limits(call: Call, site: Site) -> Limits:
    """The example is given what buyers' calls are; a health address less."""
    limits = upstream_limits(call.terms, site)
    if call.of_example:
        return limits
    seconds = min(limits.total_seconds, ADDRESS_SECONDS_MAX)
    return replace(limits, total_seconds=seconds, body_bytes_max=SAMPLE_BYTES_MAX)
