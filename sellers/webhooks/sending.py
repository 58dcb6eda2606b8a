"""Sends what waits for sellers' addresses: each message once per attempt, whoever sends.

A message is claimed by an update that says until when; a worker that dies on it is followed by
another one then. The same message may therefore arrive twice, and says so by its id. An address
that is slow or fails holds up nobody else: only a few of its messages are out at a time.
"""

from __future__ import annotations

import asyncio
import hmac
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, TypeVar

import aiohttp
from django.db import connection, connections, transaction
from yarl import URL

from payments.egress import Failed, FailureKind, Head, Limits, Reader, exchange, open_client
from sellers.jobs.turns import goes_on
from sellers.models.webhooks import Delivery
from sellers.secrets import SecretsUnavailable
from sellers.site import Site, WebhookLimits, webhook_limits
from sellers.texts import clean
from sellers.webhooks.attempts import Outcome, record
from sellers.webhooks.webhooks import secrets_in_use

ANSWER_BYTES_MAX = 65_536
EXCERPT_CHARACTERS_MAX = 500
LEASE_MARGIN_SECONDS = 20
ROUND_SECONDS = 600.0
LOOK_SECONDS = 0.5  # how soon a message that comes due during a round is noticed
CONNECT_SECONDS = 5.0
Result = TypeVar("Result")

# Of two workers only one takes messages of an address at a time; it sees what the other took.
# Addresses are found from what waits, step by step along the index: those that nothing waits
# for are not looked at.
_ADDRESSES = """
    with recursive waited(id) as (
        (select webhook_id from sellers_delivery where next_attempt_at is not null
          order by webhook_id limit 1)
        union all
        select (select d.webhook_id from sellers_delivery d
                 where d.next_attempt_at is not null and d.webhook_id > waited.id
                 order by d.webhook_id limit 1)
          from waited where waited.id is not null
    )
    select w.id from waited join sellers_webhook w on w.id = waited.id
     where w.disabled_at is null and w.removed_at is null
       and exists (select 1 from sellers_delivery d
                    where d.webhook_id = w.id and d.next_attempt_at <= now()
                      and (d.claimed_until is null or d.claimed_until <= now()))
     order by random() limit %s for no key update of w skip locked
"""
_CLAIM = """
    with picked as (
        select due.id from sellers_webhook w
         cross join lateral (
            select count(*) as out from sellers_delivery b
             where b.webhook_id = w.id and b.claimed_until > now()) busy
         cross join lateral (
            select d.id from sellers_delivery d
             where d.webhook_id = w.id and d.next_attempt_at <= now()
               and (d.claimed_until is null or d.claimed_until <= now())
             order by d.next_attempt_at
             limit greatest(0, case when w.failing_since is null then %(most_each)s else 1 end
                               - busy.out)
               for update skip locked) due
         where w.id = any(%(addresses)s) limit %(most)s
    )
    update sellers_delivery d
       set claimed_until = now() + make_interval(secs => %(lease)s), claims = d.claims + 1
      from picked where d.id = picked.id returning d.id
"""

_round = threading.Lock()


def send_due(site: Site) -> int:
    """Send everything that is due; says how many attempts were made. One round per process."""
    if not goes_on() or not _round.acquire(blocking=False):
        return 0
    try:
        claimed = claim(webhook_limits())
        return asyncio.run(_send_round(site, claimed)) if claimed else 0
    finally:
        _round.release()


def claim(limits: WebhookLimits, most: int | None = None) -> list[Delivery]:
    """Take messages that are due, few of each address; nobody else has them for a while."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_ADDRESSES, (most or limits.in_flight_max,))
        addresses = [row[0] for row in cursor.fetchall()]
        if not addresses:
            return []
        values: dict[str, Any] = {
            "addresses": addresses,
            "most": most or limits.in_flight_max,
            "most_each": limits.endpoint_in_flight_max,
            "lease": limits.seconds + LEASE_MARGIN_SECONDS,
        }
        cursor.execute(_CLAIM, values)
        ids = [row[0] for row in cursor.fetchall()]
    return list(Delivery.objects.select_related("webhook").filter(pk__in=ids))


async def _send_round(site: Site, claimed: Sequence[Delivery]) -> int:
    """Send, and take what comes due meanwhile, until nothing is out any more."""
    limits, loop = webhook_limits(), asyncio.get_running_loop()
    ends = loop.time() + ROUND_SECONDS
    running: set[asyncio.Task[None]] = set()
    sent = 0
    # Django's connection belongs to its thread: all of the round's rows go through this one.
    with ThreadPoolExecutor(1, thread_name_prefix="deliveries") as thread:

        async def asked(do: Callable[[], Result]) -> Result:
            return await loop.run_in_executor(thread, do)

        try:
            async with open_client(site.egress, limit=limits.in_flight_max) as client:
                while claimed or running:
                    for delivery in claimed:
                        sending = _send_and_record(client, delivery, site, limits, asked)
                        running.add(asyncio.create_task(sending))
                        sent += 1
                    done, running = await asyncio.wait(
                        running, timeout=LOOK_SECONDS, return_when=asyncio.FIRST_COMPLETED
                    )
                    for task in done:
                        task.result()
                    if not goes_on():
                        break  # another sends what is out when its claim is over
                    room = limits.in_flight_max - len(running)
                    more = room > 0 and loop.time() < ends
                    claimed = await asked(partial(claim, limits, room)) if more else []
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await asked(connections.close_all)
    return sent


async def _send_and_record(
    client: aiohttp.ClientSession,
    delivery: Delivery,
    site: Site,
    limits: WebhookLimits,
    asked: Callable[[Callable[[], Any]], Any],
) -> None:
    outcome = await send(client, delivery, site, limits)
    await asked(partial(record, delivery.pk, delivery.claims, outcome))


async def send(
    client: aiohttp.ClientSession, delivery: Delivery, site: Site, limits: WebhookLimits
) -> Outcome:
    """Send a message once; redirects are not followed, and little of the answer is read."""
    try:
        secrets = secrets_in_use(delivery.webhook, site)
    except SecretsUnavailable:
        return Outcome(None, 0, "its secret cannot be read here; rotate it")
    head: list[Head] = []

    def read_on(seen: Head) -> Reader | None:
        head.append(seen)
        return None

    started = time.monotonic()
    reply = await exchange(
        client,
        "POST",
        URL(delivery.webhook.url),
        headers=headers(delivery, secrets, int(time.time())),
        body=delivery.body.encode(),
        limits=Limits(
            connect_seconds=min(CONNECT_SECONDS, limits.seconds),
            first_byte_seconds=limits.seconds,
            total_seconds=limits.seconds,
            body_bytes_max=ANSWER_BYTES_MAX,
        ),
        reader_for=read_on,
    )
    ms = round((time.monotonic() - started) * 1000)
    if isinstance(reply, Failed):
        if reply.kind is FailureKind.TOO_LARGE:  # what it says beyond its status is its own
            return Outcome(head[0].status, ms, f"its answer is {reply.detail}")
        return Outcome(None, ms, f"{reply.kind.value.replace('_', ' ')}: {reply.detail}")
    said = reply.body.decode("utf-8", "replace")[: 4 * EXCERPT_CHARACTERS_MAX]
    return Outcome(reply.status, ms, "", clean(said, EXCERPT_CHARACTERS_MAX))


def headers(delivery: Delivery, secrets: Sequence[str], at_unix: int) -> list[tuple[str, str]]:
    """What a message says about itself beside its body."""
    return [
        ("Content-Type", "application/json"),
        ("X-Souk-Webhook-Signature", signature(delivery.body.encode(), secrets, at_unix)),
        ("X-Souk-Event", delivery.event),
        ("X-Souk-Event-Id", delivery.event_id),
        ("X-Souk-Delivery", str(delivery.pk)),
    ]


def signature(body: bytes, secrets: Sequence[str], at_unix: int) -> str:
    """`t=<unix>,v1=<hex>`: over the time, a dot and the body; one v1 for each secret in use."""
    signed = b"%d." % at_unix + body
    marks = (hmac.digest(secret.encode(), signed, "sha256").hex() for secret in secrets)
    return ",".join([f"t={at_unix}", *(f"v1={mark}" for mark in marks)])
