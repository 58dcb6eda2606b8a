"""The small marks of a page: what is not ours in them stays text."""

from __future__ import annotations

import pytest
from django.template import Context, Template

from payments.amounts import Amount

HOSTILE = "\"'><script>x</script>"


@pytest.mark.parametrize(
    "mark",
    [
        "{% icon 'copy' text %}",
        "{% badge text 'good' %}",
        "{% badge 'live' 'good' text %}",
        "{% address text %}",
        "{% address text full=True %}",
        "{% copyable text %}",
        "{% copyable 'it' text %}",
        "{% money amount %}",
    ],
)
def test_what_others_wrote_stays_text(mark: str) -> None:
    amount = Amount.of(HOSTILE, HOSTILE, 42)
    html = Template("{% load souk %}" + mark).render(Context({"text": HOSTILE, "amount": amount}))

    assert "<script>" not in html
    assert "&#x27;&gt;&lt;script&gt;" in html
    assert HOSTILE[:2] not in html


def test_a_tone_that_nobody_knows_counts_as_none() -> None:
    template = Template("{% load souk %}{% badge 'live' tone %}")

    assert template.render(Context({"tone": "x y"})) == '<span class="badge neutral">live</span>'
