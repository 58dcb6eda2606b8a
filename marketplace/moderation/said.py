"""What a moderator said a moment ago, and what came of it: a line on each of their pages."""

from __future__ import annotations

from typing import Any, Final
from uuid import UUID

from payments.live.happenings import Kind, Topic, live_query
from sellers.models import Verdict
from sellers.reviews import verdicts
from sellers.reviews.holds import Judge
from sellers.site import ReviewRules

# What one moderator said last, as `verdicts.lately` has it: what each came to, and whether it can
# be undone. A suspension is in effect at once; how long ago that was is told every five seconds.
SAID: Final = Kind(
    "said",
    """
    select who.id, coalesce(last.said, 'nothing')
      from unnest(%s::uuid[]) as who (id)
     cross join lateral (
           select md5(string_agg(concat_ws('.', id, became, time), ' ' order by id))
             from (select id, became, case
                          when due_at is not null then (due_at > clock_timestamp())::text
                          when kind = 'suspend' and became = 'done' then least(12, floor(
                               extract(epoch from clock_timestamp() - ended_at) / 5))::text
                          end as time
                     from sellers_verdict
                    where moderator_id = ('x' || right(who.id::text, 12))::bit(48)::bigint
                    order by at desc limit 5) as newest
           ) as last (said)
    """,
    is_named_alone=True,
)

_WORDS = {
    Verdict.Kind.APPROVE: ("will be approved", "is approved"),
    Verdict.Kind.REFUSE: ("will be refused", "is refused; its seller reads why"),
    Verdict.Kind.ASK: ("will go back for changes", "is back with its seller, who reads what to do"),
    Verdict.Kind.SUSPEND: ("", "is suspended"),
    Verdict.Kind.RESTORE: ("will be restored", "is restored; its seller may resume it"),
}


def topic_of(user_id: int) -> Topic:
    """What one moderator said: people have numbers, which stand in the place of an id here."""
    return Topic(SAID, UUID(int=user_id))


def said(judge: Judge, rules: ReviewRules) -> dict[str, Any]:
    """What somebody said lately, for the line that lets them undo it."""
    live = live_query(topic_of(judge.user_id))
    lately = [(each, verdicts.can_undo(each, rules)) for each in verdicts.lately(judge)]
    return {
        "said": [
            {"verdict": each, "words": _words(each), "can_undo": can_undo}
            for each, can_undo in lately
        ],
        "undo_seconds": rules.undo_seconds,
        "said_goes_on": any(can_undo or each.due_at is not None for each, can_undo in lately),
        "said_live": live,
    }


def _words(verdict: Verdict) -> str:
    path = verdict.listing.path
    will, did = _WORDS[Verdict.Kind(verdict.kind)]
    if verdict.became == Verdict.Became.WAITING:
        return f"{path} {will}."
    if verdict.became == Verdict.Became.DONE:
        return f"{path} {did}."
    if verdict.became == Verdict.Became.COUNTED:
        return f"Your yes to {path} counts; somebody else has to say yes, too."
    if verdict.became == Verdict.Became.UNDONE:
        return f"Undone: nothing was decided about {path}."
    return f"Nothing was done to {path}: {verdict.why}."
