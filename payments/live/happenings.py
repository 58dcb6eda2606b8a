"""What open pages wait for: payments that move, sums that change, work that goes on.

A page says what it has seen when it comes, so nothing that happens in between is lost to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.db import connection

UNSEEN = "0"
_SEPARATOR = "_"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of thing that pages wait for, and how it is known that one of them has changed.

    Its statement makes an id and a version of each id in a list. What no statement can say is
    worked out, for everybody at once, by what may take seconds.
    """

    name: str  # as pages ask for it, and as the event is called
    statement: str = ""
    work_out: Callable[[], str] | None = None
    is_named_alone: bool = False  # whose it is goes without saying


class Topic(NamedTuple):
    """One payment, one seller's earnings, one piece of work."""

    kind: Kind
    id: UUID

    @property
    def name(self) -> str:
        """As a page asks for it: its earnings are always the asker's own."""
        return self.kind.name if self.kind.is_named_alone else f"{self.kind.name}:{self.id}"


# A settled payment changes with every block, until it is deep enough; others with their steps.
PAYMENT = Kind(
    "payment",
    """
    select g.payment_id, g.version::text || '.' || case when g.money = 'settled'
           then greatest(h.head_number - g.block_number + 1, 0)::text else '0' end
      from payments_progress g left join payments_chainhealth h on h.network = g.network
     where g.payment_id = any(%s)
    """,
)
EARNINGS = Kind(
    "earnings",
    "select seller_id, version::text from payments_earningsversion where seller_id = any(%s)",
    is_named_alone=True,
)
# The counts of who paid a seller: another sum with every one of them that is made.
BUYERS = Kind(
    "buyers",
    """
    select seller_id, coalesce(sum(extract(epoch from made_at)), 0)::text
      from payments_buyerslook where seller_id = any(%s) group by seller_id
    """,
    is_named_alone=True,
)


def versions_now(topics: Iterable[Topic]) -> dict[Topic, str]:
    """How often each has changed until now: asked before a page reads what it shows."""
    known: dict[Topic, str] = {}
    for kind, ids in by_kind(topics).items():
        if kind.work_out is not None:
            known |= dict.fromkeys((Topic(kind, each) for each in ids), kind.work_out())
            continue
        with connection.cursor() as cursor:
            cursor.execute(kind.statement, (ids,))
            known |= {Topic(kind, key): version for key, version in cursor.fetchall()}
    return known


def by_kind(topics: Iterable[Topic]) -> dict[Kind, list[UUID]]:
    """Which of each kind, each once."""
    found: dict[Kind, list[UUID]] = {}
    for kind, key in dict.fromkeys(topics):
        found.setdefault(kind, []).append(key)
    return found


def live_query(*topics: Topic) -> str:
    """What a page's stream is asked for; it also says what the page is about to show."""
    known = versions_now(topics)
    return query_of(topics, {topic: known.get(topic, UNSEEN) for topic in topics})


def query_of(topics: Sequence[Topic], seen: Mapping[Topic, str]) -> str:
    names = ",".join(topic.name for topic in topics)
    return "?" + urlencode({"topics": names, "seen": place_of(topics, seen)})


def place_of(topics: Sequence[Topic], seen: Mapping[Topic, str]) -> str:
    """Every version in the order of the topics: the id of an event."""
    return _SEPARATOR.join(seen[topic] for topic in topics)


def read_place(topics: Sequence[Topic], text: str) -> dict[Topic, str]:
    """The other way round; what is not said counts as never seen."""
    said = text.split(_SEPARATOR)
    return {
        topic: said[place] if place < len(said) and said[place] else UNSEEN
        for place, topic in enumerate(topics)
    }
