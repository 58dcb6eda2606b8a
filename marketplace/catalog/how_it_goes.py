"""How one call of a listing goes, in words: when it is charged, what is kept, what is too much."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.template.defaultfilters import filesizeformat

from marketplace.catalog.listing_json import NOT_CHARGED
from sellers.grace import grace_seconds
from sellers.market.goods import Good
from sellers.release_words import RELEASE_WORDS
from sellers.site import Site
from sellers.terms import Terms


@dataclass(frozen=True, slots=True)
class Rule:
    """One thing to know before paying: a sentence, or several that hold alike; or one sentence with
    a length of time in it, which the page spells."""

    name: str
    said: tuple[str, ...]
    seconds: float | None = None
    then: str = ""


def how_it_goes(good: Good, site: Site) -> tuple[Rule, ...]:
    """What a buyer is told of a call, in the order in which it matters."""
    terms = good.terms
    grace = grace_seconds(terms, site)
    kept = f"{terms.answer_keep_days} day{'' if terms.answer_keep_days == 1 else 's'}"
    return (
        Rule("You are charged", (f"{_capital(RELEASE_WORDS[terms.release].charged)}.",)),
        _for_nothing(terms),
        *_promised(terms),
        _answer(terms),
        Rule("Fetched again", (f"For {kept} after it is paid for, without paying again.",)),
        Rule("A quoted price", ("Stays good for",), grace, "when the seller changes it."),
        *_passed_on(terms),
    )


def _for_nothing(terms: Terms) -> Rule:
    upfront = terms.release == "upfront"
    reasons = NOT_CHARGED[:2] if upfront else NOT_CHARGED
    name = "A refund is due when" if upfront else "You pay nothing when"
    return Rule(name, tuple(f"{_capital(reason)}." for reason in reasons))


def _promised(terms: Terms) -> tuple[Rule, ...]:
    if not terms.required_keys:
        return ()
    return (Rule("A charged answer has", tuple(sorted(terms.required_keys))),)


def _answer(terms: Terms) -> Rule:
    seconds = min(terms.total_seconds, settings.UPSTREAM_TOTAL_SECONDS)
    most = filesizeformat(settings.ANSWER_BYTES_MAX).replace("\xa0", " ")
    comes = ", passed on as it comes" if terms.stream else ""
    said = f"{terms.mime_type}{comes}, of {most} at most, within"
    return Rule("The answer", (said,), seconds, "of the call.")


def _passed_on(terms: Terms) -> tuple[Rule, ...]:
    if not terms.forward_headers:
        return ()
    names = ", ".join(terms.forward_headers)
    return (Rule("Headers that reach the seller", (f"{names}. No others of yours do.",)),)


def _capital(sentence: str) -> str:
    return sentence[:1].upper() + sentence[1:]
