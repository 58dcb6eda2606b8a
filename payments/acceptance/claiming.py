"""The claim: one statement and one commit for all the promises that arrive together."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from payments import lookup
from payments.acceptance.promise import TAKE_NAMES, Claim
from payments.database.pool import Pool
from payments.exposure import risk
from payments.lookup import TwinTerms

ROOM_TRIES = 3  # a counter is swept once in a day; twice in a row would be a miracle


class ClaimVerdict(StrEnum):
    TAKEN = "taken"
    TAKEN_ON_TRUST = "taken_on_trust"  # its answer may leave before the money moves
    OURS_ALREADY = "ours_already"
    HAS_TWIN = "has_twin"  # one abandoned for the same request, or of the same identifier: join it
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
     union
    select m.ix from unknown m
     where m.identifier is not null and exists (
               select from payments_payment p
                where p.identifier_hash = m.identifier and p.payer = m.payer
                  and (select {lookup.HAS_BOUGHT}
                         from payments_progress g where g.payment_id = p.id))
     union
    select m.ix from unknown m join unknown earlier
           on earlier.identifier = m.identifier and earlier.payer = m.payer
          and earlier.identity <> m.identity and earlier.ix < m.ix
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
        await risk.make_room(pool, keys)
        found = await _claim(pool, members, lease_seconds, twins)
        verdicts |= {ix: each for ix, each in zip(left, found, strict=True) if each is not None}
        left = [ix for ix in left if ix not in verdicts]
        if not left:
            break
        risk.doubt_room(keys)
    return [verdicts.get(ix, ClaimVerdict.CAP_REACHED) for ix in range(len(claims))]


async def _claim(
    pool: Pool, claims: Sequence[Claim], lease_seconds: float, twins: TwinTerms
) -> list[ClaimVerdict | None]:
    values = _claim_values(claims, lease_seconds, twins)
    names = sorted({name for claim in claims if (name := claim.name_lock) is not None})
    async with pool.connection() as connection:
        if names:
            async with connection.transaction():
                await connection.execute(TAKE_NAMES, (names,))
                told = await (await connection.execute(_CLAIM, values)).fetchall()
        else:
            told = await (await connection.execute(_CLAIM, values)).fetchall()
    found = {row[0]: row[1:] for row in told}
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
