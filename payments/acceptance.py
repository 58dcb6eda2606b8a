"""A buyer's promise taken in: the claim, the answer stored against it, and its undoing.

Everything here is one statement and one commit for all the calls that arrive together.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from psycopg import Rollback, sql
from psycopg.types.json import Jsonb

from payments import ledger, limits, lookup
from payments.ids import new_id
from payments.lookup import TwinTerms
from payments.marks import ABANDON, COLLECT, DROP, RENEW_LEASES, UNCOLLECT
from payments.models import Money, Work
from payments.moves import ANSWER_MEMBERS, LEASE_OVER, NEVER, NOW, move, seconds_from_now
from payments.pool import Pool, one, rows
from payments.states import Standing, State
from payments.x402.types import Authorization, Requirements


@dataclass(frozen=True, slots=True)
class Offer:
    """A price bound to a listing: what a 402 quotes and what a claim is checked against."""

    id: UUID
    requirements: Requirements
    decimals: int


def fingerprint(revision_hash: bytes, method: str, url: str, body_hash: bytes) -> bytes:
    """What exactly was bought: any other use of the same payment is refused."""
    digest = hashlib.sha256()
    for part in (revision_hash, method.encode(), url.encode(), body_hash):
        digest.update(len(part).to_bytes(4, "big") + part)
    return digest.digest()


@dataclass(frozen=True, slots=True)
class Purchase:
    """The snapshot a payment keeps of what was bought."""

    seller_id: UUID
    listing_id: UUID
    listing_path: str
    title: str
    revision_hash: bytes
    method: str
    url: str
    body_hash: bytes
    release: str
    answer_keep_days: int

    @property
    def fingerprint(self) -> bytes:
        return fingerprint(self.revision_hash, self.method, self.url, self.body_hash)


@dataclass(frozen=True, slots=True)
class Claim:
    """One authorization that passed every check, about to become a payment."""

    offer: Offer
    purchase: Purchase
    authorization: Authorization
    identity: bytes
    payer_has_code: bool
    identifier_hash: bytes | None
    claimed_block: int
    caps: tuple[limits.CapLimit, ...]
    joins: bool = True  # an abandoned payment for the same request, should there be one
    protocol_version: int = 2
    limits_version: int = 0  # of the owner's rules that were looked at; 0: there were none
    payment_id: UUID = field(default_factory=new_id)

    @property
    def payer_key(self) -> str | None:
        """The payer's counter: how far they are trusted, and which rules of theirs hold."""
        return next((c.key for c in self.caps if c.key.startswith(limits.PAYER_KEY)), None)


ROOM_TRIES = 3  # a counter is swept once in a day; twice in a row would be a miracle


class ClaimVerdict(StrEnum):
    TAKEN = "taken"
    TAKEN_ON_TRUST = "taken_on_trust"  # its answer may leave before the money moves
    OURS_ALREADY = "ours_already"
    HAS_TWIN = "has_twin"  # an abandoned payment for the same request, which it should join
    OFFER_CLOSED = "offer_closed"
    CAP_REACHED = "cap_reached"
    LIMITS_CHANGED = "limits_changed"  # since the wallet's owner's rules were looked at


_CLAIM = f"""
with member as (
    select * from unnest(
        %(ix)s::int[], %(id)s::uuid[], %(identity)s::bytea[], %(offer)s::uuid[],
        %(revision)s::bytea[], %(network)s::text[], %(scheme)s::text[], %(asset)s::text[],
        %(payer)s::text[], %(pay_to)s::text[], %(amount)s::numeric[], %(nonce)s::bytea[],
        %(valid_after)s::bigint[], %(valid_before)s::bigint[], %(signature)s::bytea[],
        %(has_code)s::bool[], %(block)s::bigint[], %(protocol)s::smallint[],
        %(fingerprint)s::bytea[], %(method)s::text[], %(url)s::text[], %(body_hash)s::bytea[],
        %(identifier)s::bytea[], %(seller)s::uuid[], %(listing)s::uuid[], %(path)s::text[],
        %(title)s::text[], %(release)s::text[], %(keep_days)s::smallint[], %(joins)s::bool[],
        %(payer_key)s::text[], %(sought)s::bytea[], %(limits)s::int[]
    ) as t(ix, id, identity, offer, revision, network, scheme, asset, payer, pay_to, amount,
           nonce, valid_after, valid_before, signature, has_code, block, protocol, fingerprint,
           method, url, body_hash, identifier, seller, listing, path, title, release, keep_days,
           joins, payer_key, sought, limits)
), wanted as (
    select * from unnest(%(cap_ix)s::int[], %(cap_key)s::text[], %(cap_limit)s::numeric[],
                         %(cap_trust)s::numeric[])
        as t(ix, key, most, most_on_trust)
), locked as (
    select key, used_atomic, on_trust_atomic,
           case when lost_at is null then earned_atomic else 0 end as earned, rules_version
      from payments_cap
     where key = any(%(cap_keys)s) order by key for update
), unknown as (
    select * from member m
     where not exists (select from payments_payment p where p.identity = m.identity)
), twin as (
    select m.ix from unknown m
     where m.joins and exists (
               -- No join: a planner who begins with the payer reads all they ever bought.
               select from payments_progress g
                where g.sought = m.sought and {lookup.IS_LEFT}
                  and (select p.payer = m.payer and p.fingerprint = m.fingerprint
                              and {lookup.IS_RECENT}
                         from payments_payment p where p.id = g.payment_id))
), fresh as (
    -- The statement sees the rules as they were when it began. Whoever changes them holds the
    -- payer's counter meanwhile and writes the version there: read under the lock, it is today's.
    select m.*, o.id is not null as offered,
           coalesce(m.release = 'instant' and l.earned >= m.amount, false) as trusted,
           coalesce((select x.version from payments_limit x where x.payer = m.payer), 0)
               = m.limits and coalesce(l.rules_version, 0) <= m.limits as current
      from unknown m
      left join locked l on l.key = m.payer_key
      left join payments_openoffer o
        on o.id = m.offer and o.revision_hash = m.revision and o.network = m.network
       and o.asset = m.asset and o.pay_to = m.pay_to and o.amount_atomic = m.amount
       and (o.closed_at is null or o.closed_at > clock_timestamp())
     where not exists (select from twin where twin.ix = m.ix)
), weighed as (
    select w.ix, bool_and(l.key is not null and w.most >= l.used_atomic + w.running) as fits,
           bool_and(coalesce(w.trusted and l.on_trust_atomic + w.running_on_trust <=
               case when w.key = w.payer_key then least(w.most_on_trust, l.earned)
                    else w.most_on_trust end, false)) as on_trust,
           bool_or(l.key is null) as roomless
      from (select c.ix, c.key, c.most, c.most_on_trust, f.trusted, f.payer_key,
                   sum(f.amount) over by_key running,
                   sum(f.amount) filter (where f.trusted) over by_key running_on_trust
              from wanted c join fresh f on f.ix = c.ix and f.offered and f.current
            window by_key as (partition by c.key order by c.ix)) w
      left join locked l on l.key = w.key
     group by w.ix
), taken as (
    insert into payments_payment (
        id, identity, created_at, network, scheme, asset, payer, pay_to, amount_atomic, nonce,
        valid_after, valid_before, signature, payer_has_code, claimed_block, protocol_version,
        fingerprint, revision_hash, method, url, body_hash, identifier_hash, seller_id,
        listing_id, listing_path, title, release, answer_keep_days, caps)
    select f.id, f.identity, clock_timestamp(), f.network, f.scheme, f.asset, f.payer, f.pay_to,
           f.amount, f.nonce, f.valid_after, f.valid_before, f.signature, f.has_code, f.block,
           f.protocol, f.fingerprint, f.revision, f.method, f.url, f.body_hash, f.identifier,
           f.seller, f.listing, f.path, f.title, f.release, f.keep_days,
           (select coalesce(jsonb_agg(c.key order by c.key), '[]') from wanted c where c.ix = f.ix)
      from fresh f join weighed w on w.ix = f.ix and w.fits
     order by f.ix
    on conflict (identity) do nothing
    returning id, identity, network, amount_atomic
), counted as (
    update payments_cap c set used_atomic = c.used_atomic + s.total, used_at = clock_timestamp(),
           on_trust_atomic = c.on_trust_atomic + s.total_on_trust
      from (select w.key, sum(t.amount_atomic) total,
                   coalesce(sum(t.amount_atomic) filter (where g.on_trust), 0) total_on_trust
              from taken t join member m on m.id = t.id join wanted w on w.ix = m.ix
              join weighed g on g.ix = m.ix
             group by w.key) s
     where c.key = s.key
), progressed as (
    insert into payments_progress (
        payment_id, network, work, money, version, attempt, definite_failures, lease_until,
        next_check_at, identifier_misses, alone, on_trust, sought)
    select t.id, t.network, 'open', 'none', 1, 1, 0,
           clock_timestamp() + make_interval(secs => %(lease)s),
           case when m.release = 'upfront' then clock_timestamp() end, 0, false, w.on_trust,
           m.sought
      from taken t join member m on m.id = t.id join weighed w on w.ix = m.ix
), stepped as (
    insert into payments_step (payment_id, version, at, work, money, why, detail)
    select t.id, 1, clock_timestamp(), 'open', 'none', 'claimed', '{{}}' from taken t
)
select m.ix, t.id is not null, twin.ix is not null, f.ix is not null,
       coalesce(f.offered, false), coalesce(w.fits, false), coalesce(w.on_trust, false),
       coalesce(w.roomless, false), coalesce(f.current, true)
  from member m
  left join twin on twin.ix = m.ix
  left join taken t on t.id = m.id
  left join fresh f on f.ix = m.ix
  left join weighed w on w.ix = m.ix
"""  # noqa: S608 - composed of our own constants only


def _claim_values(
    claims: Sequence[Claim], lease_seconds: float, twins: TwinTerms
) -> dict[str, object]:
    caps = [(ix, cap) for ix, claim in enumerate(claims) for cap in claim.caps]
    offers = [claim.offer.requirements for claim in claims]
    bought = [claim.purchase for claim in claims]
    signed = [claim.authorization for claim in claims]
    return {
        "ix": list(range(len(claims))),
        "id": [claim.payment_id for claim in claims],
        "identity": [claim.identity for claim in claims],
        "offer": [claim.offer.id for claim in claims],
        "revision": [p.revision_hash for p in bought],
        "network": [o.network for o in offers],
        "scheme": [o.scheme for o in offers],
        "asset": [o.asset for o in offers],
        "payer": [a.payer for a in signed],
        "pay_to": [o.pay_to for o in offers],
        "amount": [o.amount_atomic for o in offers],
        "nonce": [a.nonce for a in signed],
        "valid_after": [a.valid_after for a in signed],
        "valid_before": [a.valid_before for a in signed],
        "signature": [a.signature for a in signed],
        "has_code": [claim.payer_has_code for claim in claims],
        "block": [claim.claimed_block for claim in claims],
        "protocol": [claim.protocol_version for claim in claims],
        "fingerprint": [p.fingerprint for p in bought],
        "method": [p.method for p in bought],
        "url": [p.url for p in bought],
        "body_hash": [p.body_hash for p in bought],
        "identifier": [claim.identifier_hash for claim in claims],
        "seller": [p.seller_id for p in bought],
        "listing": [p.listing_id for p in bought],
        "path": [p.listing_path for p in bought],
        "title": [p.title for p in bought],
        "release": [p.release for p in bought],
        "keep_days": [p.answer_keep_days for p in bought],
        "joins": [claim.joins for claim in claims],
        "payer_key": [claim.payer_key for claim in claims],
        "sought": [
            lookup.sought(a.payer, p.fingerprint) for a, p in zip(signed, bought, strict=True)
        ],
        "limits": [claim.limits_version for claim in claims],
        "cap_ix": [ix for ix, _ in caps],
        "cap_key": [cap.key for _, cap in caps],
        "cap_limit": [cap.limit_atomic for _, cap in caps],
        "cap_trust": [cap.on_trust_atomic for _, cap in caps],
        "cap_keys": sorted({cap.key for _, cap in caps}),
        "lease": lease_seconds,
        **twins.values,
    }


async def claim_together(
    pool: Pool, claims: Sequence[Claim], *, lease_seconds: float, twins: TwinTerms
) -> list[ClaimVerdict]:
    """Take in what may come in: one statement, one commit, at most one claim an identity.

    A counter at rest may have been swept away since this process saw it. Whoever found none was
    not taken in uncounted: the counter is made again, and they come again.
    """
    verdicts: dict[int, ClaimVerdict] = {}
    left = list(range(len(claims)))
    for _ in range(ROOM_TRIES):
        members = [claims[ix] for ix in left]
        keys = {cap.key for claim in members for cap in claim.caps}
        await limits.make_room(pool, keys)
        found = await _claim(pool, members, lease_seconds, twins)
        verdicts |= {ix: each for ix, each in zip(left, found, strict=True) if each is not None}
        left = [ix for ix in left if ix not in verdicts]
        if not left:
            break
        limits.doubt_room(keys)
    return [verdicts.get(ix, ClaimVerdict.CAP_REACHED) for ix in range(len(claims))]


async def _claim(
    pool: Pool, claims: Sequence[Claim], lease_seconds: float, twins: TwinTerms
) -> list[ClaimVerdict | None]:
    async with pool.connection() as connection:
        cursor = await connection.execute(_CLAIM, _claim_values(claims, lease_seconds, twins))
        found = {row[0]: row[1:] for row in await cursor.fetchall()}
    return [_verdict(*found[ix]) for ix in range(len(claims))]


def _verdict(
    taken: bool, twin: bool, fresh: bool, offered: bool, fits: bool, on_trust: bool, roomless: bool,
    current: bool,
) -> ClaimVerdict | None:  # fmt: skip
    if taken:
        return ClaimVerdict.TAKEN_ON_TRUST if on_trust else ClaimVerdict.TAKEN
    if twin:
        return ClaimVerdict.HAS_TWIN
    if not fresh or fits:  # a twin came in a moment ago, or in this same statement
        return ClaimVerdict.OURS_ALREADY
    if not offered:
        return ClaimVerdict.OFFER_CLOSED
    if not current:
        return ClaimVerdict.LIMITS_CHANGED
    return None if roomless else ClaimVerdict.CAP_REACHED


@dataclass(frozen=True, slots=True)
class NewAnswer:
    """A complete, billable answer, about to be stored before anybody is charged for it."""

    payment_id: UUID
    attempt: int
    status: int
    headers: tuple[tuple[str, str], ...]
    content_type: str
    body: bytes
    upstream_ms: int

    @property
    def body_hash(self) -> bytes:
        return hashlib.sha256(self.body).digest()


_RECORD = f"""
with member as (
    select * from unnest(
        %(ix)s::int[], %(id)s::uuid[], %(attempt)s::smallint[], %(status)s::smallint[],
        %(headers)s::jsonb[], %(type)s::text[], %(body)s::bytea[], %(hash)s::bytea[],
        %(ms)s::int[]
    ) as t(ix, id, attempt, status, headers, type, body, hash, ms)
), answered as (
{ANSWER_MEMBERS}
), stored as (
    insert into payments_answer (
        payment_id, stored_at, keep_until, status, headers, content_type, body_bytes, body_hash,
        upstream_ms)
    select m.id, clock_timestamp(), (now() at time zone 'utc')::date + p.answer_keep_days + 1,
           m.status, m.headers, m.type, octet_length(m.body), m.hash, m.ms
      from member m join answered a on a.payment_id = m.id
      join payments_payment p on p.id = m.id
    returning payment_id, keep_until
), bodied as (
    insert into payments_answerbody (payment_id, keep_until, body)
    select s.payment_id, s.keep_until, m.body from stored s join member m on m.id = s.payment_id
), pending as (
{ledger.PENDING_OF_ANSWERED}
), stepped as (
    insert into payments_step (payment_id, version, at, work, money, why, detail)
    select a.payment_id, a.version, clock_timestamp(), 'answered', a.money, 'answered',
           jsonb_build_object('status', m.status, 'bytes', octet_length(m.body), 'ms', m.ms)
      from answered a join member m on m.id = a.payment_id
)
select m.ix, a.payment_id is not null from member m left join answered a on a.payment_id = m.id
"""  # noqa: S608 - composed of our own constants only


async def record_together(pool: Pool, answers: Sequence[NewAnswer]) -> list[bool]:
    """Store complete answers and say so; False where the attempt is no longer this one.

    The guard is the attempt, not the version: the chain may have moved the money meanwhile,
    and that must not cost the buyer an answer that is already in hand.
    """
    values = {
        "ix": list(range(len(answers))),
        "id": [answer.payment_id for answer in answers],
        "attempt": [answer.attempt for answer in answers],
        "status": [answer.status for answer in answers],
        "headers": [Jsonb(answer.headers) for answer in answers],
        "type": [answer.content_type for answer in answers],
        "body": [answer.body for answer in answers],
        "hash": [answer.body_hash for answer in answers],
        "ms": [answer.upstream_ms for answer in answers],
        "transfer": [new_id() for _ in answers],
    }
    async with pool.connection() as connection:
        cursor = await connection.execute(_RECORD, values)
        found: dict[int, bool] = dict(await cursor.fetchall())
    return [found[ix] for ix in range(len(answers))]


async def void(
    pool: Pool, standing: Standing, *, why: str, detail: dict[str, object], definite: bool
) -> bool:
    """The work is not billable: nothing is charged, and the amount is no longer at risk.

    `definite` says that the upstream did not do the work; else it may have, all the same.
    """
    after = State(Work.VOID, standing.state.money)
    async with pool.connection() as connection, connection.transaction():
        moved = await move(
            connection,
            standing,
            after,
            why=why,
            detail=detail,
            lease_until=NEVER,
            definite_failures=sql.SQL(f"definite_failures + {int(definite)}"),
            next_check_at=NEVER if after.money == Money.FAILED else NOW,
        )
        if moved:
            change = limits.Change(standing.payment_id, standing.state, after)
            await limits.rebalance(connection, [change])
    return moved


class Reopening(StrEnum):
    REOPENED = "reopened"
    TOO_LATE = "too_late"
    CAP_REACHED = "cap_reached"


async def reopen(
    pool: Pool,
    standing: Standing,
    caps: Sequence[limits.CapLimit],
    *,
    lease_seconds: float,
) -> Reopening:
    """A voided payment gets a new attempt at its own request, under a new lease.

    The row is locked before its counters, as in every other move.
    """
    after = State(Work.OPEN, standing.state.money)
    change = limits.Change(standing.payment_id, standing.state, after)
    async with pool.connection() as connection, connection.transaction() as changes:
        moved = await move(
            connection,
            standing,
            after,
            why="tried again",
            lease_until=seconds_from_now(lease_seconds),
            next_check_at=NOW if standing.upfront else NEVER,
            abandoned_at=NEVER,
            attempt=sql.SQL("attempt + 1"),
            on_trust=False,  # a second attempt waits for its money
        )
        if not moved:
            return Reopening.TOO_LATE
        if await limits.fits_again(connection, standing.payment_id, caps):
            await limits.rebalance(connection, [change])
            return Reopening.REOPENED
        raise Rollback(changes)
    return Reopening.CAP_REACHED


async def take_up(pool: Pool, standing: Standing, *, lease_seconds: float) -> bool:
    """Work that is paid for and whose process is gone gets a new attempt, under a new lease."""
    async with pool.connection() as connection, connection.transaction():
        return await move(
            connection,
            standing,
            standing.state,
            why="taken up again",
            guard=LEASE_OVER,
            lease_until=seconds_from_now(lease_seconds),
            abandoned_at=NEVER,
            attempt=sql.SQL("attempt + 1"),
        )


async def drop(pool: Pool, payment_id: UUID, attempt: int) -> None:
    """Money is on its way for work that nobody waits for: whoever comes next may take it up."""
    await one(pool, DROP, (payment_id, attempt))


async def renew_leases(pool: Pool, attempts: Mapping[UUID, int], *, lease_seconds: float) -> None:
    """Say that this process is still at work on these calls: one UPDATE for all of them."""
    if attempts:
        async with pool.connection() as connection:
            await connection.execute(
                RENEW_LEASES,
                (lease_seconds, list(attempts), list(attempts.values()), list(attempts)),
            )


async def abandon(pool: Pool, payment_id: UUID) -> None:
    """The buyer went away without the answer; their next payment for it will join this one."""
    await one(pool, ABANDON, (payment_id,))


async def collect_together(pool: Pool, payment_ids: Sequence[UUID]) -> list[bool]:
    """The answers go to their buyers; False where one had been collected before."""
    collected = {row[0] for row in await rows(pool, COLLECT, (list(payment_ids),))}
    return [payment_id in collected for payment_id in payment_ids]


async def collect(pool: Pool, payment_id: UUID) -> bool:
    """The answer goes to its buyer; False when it had been collected before."""
    return (await collect_together(pool, [payment_id]))[0]


async def uncollect(pool: Pool, payment_id: UUID) -> None:
    """The buyer hung up in the very moment of the hand-over: it counts as abandoned."""
    await one(pool, UNCOLLECT, (payment_id,))
