"""What sellers wait for at a page: a look at an endpoint or a domain, a document, test calls.

Each says how its version is read; the pages that wait are served by `payments.live.open_pages`.
"""

from __future__ import annotations

from typing import Final

from payments.live.happenings import Kind
from payments.live.wakeups import WORK_WENT_ON, ring_after_commit

# A draft's newest look. While it is under way, its page says how long ago it was asked for: every
# five seconds, then every minute, that is another version.
LOOK: Final = Kind(
    "look",
    """
    select draft.id, newest.id::text || '.' || state || '.' || jsonb_array_length(steps) || '.'
           || case when due_at is null then 'done' when seconds < 60 then 's' || floor(seconds / 5)
                   else 'm' || floor(seconds / 60) end
      from unnest(%s::uuid[]) as draft (id)
      join lateral (select * from sellers_look where worksheet_id = draft.id
                     order by created_at desc limit 1) as newest on true
      cross join lateral (
           select extract(epoch from clock_timestamp() - created_at)) as age (seconds)
    """,
)

DOCUMENT: Final = Kind("document", "select id, state from sellers_fetch where id = any(%s)")

# What is found out of a seller's domain, and when it is looked at next. Instants are numbers: as
# text they would differ with the time zone of whoever reads them.
DOMAIN: Final = Kind(
    "domain",
    """
    select seller_id, concat_ws('.', extract(epoch from named_at),
           extract(epoch from next_look_at), extract(epoch from seen_at))
      from sellers_domain where seller_id = any(%s)
    """,
    is_named_alone=True,
)

# A draft's last test calls: how far each has come, how long ago the newest was made, and whether
# another can be made still. As in `previews.calls_of`, they are those to any of the last previews.
TEST_CALLS: Final = Kind(
    "calls",
    """
    select draft.id, try.is_open::text || '.' || coalesce(last.calls, '') || '.'
           || case when last.at is null then '' when seconds < 60 then 's' || floor(seconds / 5)
                   else 'm' || floor(seconds / 60) end
      from sellers_worksheet draft
      cross join lateral (
           select coalesce(bool_or(closed_at is null and expires_at > clock_timestamp()), false),
                  array_agg(id)
             from (select id, closed_at, expires_at from sellers_preview
                    where listing_id = draft.listing_id and seller_id = draft.seller_id
                      and payers <> '[]' order by created_at desc limit 20) as preview
           ) as try (is_open, ids)
      cross join lateral (
           select md5(string_agg(call.id::text || progress.version, ' ' order by call.id)),
                  max(call.created_at)
             from (select id, created_at from payments_payment where listing_id = any(try.ids)
                    order by created_at desc limit 5) as call
             join payments_progress progress on progress.payment_id = call.id
           ) as last (calls, at)
      cross join lateral (
           select extract(epoch from clock_timestamp() - last.at)) as age (seconds)
     where draft.id = any(%s)
    """,
)


def went_on() -> None:
    """Whoever waits at a page looks again; one that hears nothing looks by itself."""
    ring_after_commit(WORK_WENT_ON)
