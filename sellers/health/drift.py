"""Whether answers still are what a listing says of them, and how they differ.

What is said names fields and what was expected of them; an answer's values are its buyer's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from payments.reports.upkeep import answers_lately
from sellers.schemas.validating import complaint
from sellers.terms import Sample, Terms
from sellers.texts import shorten

ANSWERS_READ_MAX = 5  # of one listing, in one look
ANSWER_BYTES_MAX = 256_000  # larger ones are not sampled
WHY_CHARACTERS_MAX = 200


@dataclass(frozen=True, slots=True)
class Drift:
    """What one look found: how answers differ, or nothing; and whether most of them did."""

    differs: str = ""
    mostly: bool = False


def differs(terms: Terms, sample: Sample) -> str:
    """How an answer differs from what the listing says of it; nothing when it does not."""
    if sample.media_type != terms.sample.media_type:
        said = f"it is {sample.media_type}, the sample is {terms.sample.media_type}"
        return shorten(said, WHY_CHARACTERS_MAX)
    if not sample.is_json:
        return ""
    try:
        document = sample.document()
    except ValueError:
        return "it says it is JSON and is none"
    wrong = complaint(terms.output_schema, document, "answer")
    return shorten(wrong, WHY_CHARACTERS_MAX) if wrong else ""


def of_example(terms: Terms, sample: Sample) -> Drift:
    """The answer to the example call, which stands for all."""
    wrong = differs(terms, sample)
    return Drift(wrong, mostly=bool(wrong))


def of_buyers(
    listing_id: UUID, terms: Terms, revision_hash: bytes, since: datetime
) -> Drift | None:
    """A few of the answers that buyers got of late; None when there was none to look at."""
    answers = answers_lately(
        listing_id, revision_hash, since, most=ANSWERS_READ_MAX, bytes_max=ANSWER_BYTES_MAX
    )
    return _summary(
        [
            differs(terms, Sample(each.status, each.content_type, each.body))
            for each in answers
        ]
    )  # fmt: skip


def _summary(found: Sequence[str]) -> Drift | None:
    if not found:
        return None
    wrong = [each for each in found if each]
    if not wrong:
        return Drift()
    said = f"{len(wrong)} of {len(found)} answers to buyers: {wrong[0]}"
    return Drift(shorten(said, WHY_CHARACTERS_MAX), mostly=2 * len(wrong) > len(found))
