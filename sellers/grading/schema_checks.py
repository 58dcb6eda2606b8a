"""Whether programs can tell from a listing's schemas what to send and what comes back."""

from __future__ import annotations

from collections.abc import Iterator

from sellers.extensions.bazaar import without_notes
from sellers.grading.checks import ADVISORY, REQUIRED, Check
from sellers.schemas.validating import complaint
from sellers.terms import Terms

_KEPT = "the example keeps it"


def schema_checks(terms: Terms) -> Iterator[Check]:
    """The input's and the answer's, each held against its own example."""
    wrong = _wrong_with_input(terms)
    yield Check(
        "input-schema", not wrong, REQUIRED, "programs know what to send",
        "a schema that the example call keeps", wrong or _KEPT,
        "Change the schema of the input, or the example call.", "shape",
    )  # fmt: skip
    wrong = _wrong_with_output(terms)
    yield Check(
        "output-schema", not wrong, ADVISORY, "programs know what comes back",
        "a schema that the example answer keeps", wrong or _KEPT,
        "Change the schema of the answer, or leave it empty: then it is made from the example.",
        "shape",
    )  # fmt: skip


def _wrong_with_input(terms: Terms) -> str:
    for name, part in terms.input_schema["properties"].items():
        if wrong := complaint(part, terms.example_input.get(name), name):
            return wrong
    return ""


def _wrong_with_output(terms: Terms) -> str:
    if not without_notes(terms.output_schema):
        return "it allows anything"
    if not terms.sample.is_json or not terms.sample.body:
        return ""
    return complaint(terms.output_schema, terms.sample.document(), "answer") or ""
