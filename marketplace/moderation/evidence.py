"""All that speaks for and against a listing, gathered for one page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from payments.amounts import Amount
from sellers.differences import Change, differences
from sellers.examples import suffix
from sellers.grading import verified
from sellers.grading.checks import Check
from sellers.models import Listing, Revision, Verdict
from sellers.offers import resource_url
from sellers.payouts.payouts import changed_at, pays_elsewhere, standing, vouched
from sellers.profile.look_alikes import Likeness, likenesses, mixed_alphabets
from sellers.reviews import automatic, holds, proposals, records, reports, two_people
from sellers.reviews.holds import Judge
from sellers.reviews.records import PastWallet
from sellers.site import ReviewRules, this_site
from sellers.terms import Terms

PROBES_SHOWN_MAX = 10
REPORTS_SHOWN_MAX = 20
SAMPLE_CHARACTERS_MAX = 10_000
USUAL_REASONS = (
    "The description does not say what a buyer gets.",
    "The example answer does not fit the description.",
    "The endpoint does not answer its own example.",
    "The title or the address imitates another listing.",
    "What is sold is not allowed here.",
)


def evidence(listing: Listing, judge: Judge, rules: ReviewRules) -> dict[str, Any]:
    """The context of a listing's page."""
    return {
        "listing": listing,
        "own": judge.owns(listing),
        "usual_reasons": USUAL_REASONS,
        "record": records.record(listing.seller),
        "said_before": records.verdicts(listing),
        "reports": list(
            listing.reports.filter(closed_at__isnull=True).order_by("at")[:REPORTS_SHOWN_MAX]
        ),
        "reports_all": reports.waiting().count(),
        "waiting": holds.waiting().count(),
        **_terms(listing),
        **_seen(listing),
        **_flags(listing),
        **_standing(listing, judge, rules),
    }


def _terms(listing: Listing) -> dict[str, Any]:
    """What is proposed against what is live; of something that only sells, what it sells."""
    site, live = this_site(), listing.live_revision
    waits = listing.submitted_at is not None
    shown: Revision | None = listing.proposed_revision if waits else live
    shown = shown or live or listing.proposed_revision
    assert shown is not None  # a listing has one or the other until it is retired
    terms, old = Terms.from_json(shown.terms), Terms.from_json(live.terms) if live else None
    known = standing(listing.seller)
    return {
        "waits": waits,
        "terms": terms,
        "is_new": live is None or not waits,
        "revision_hash": bytes(shown.hash).hex(),
        "url": resource_url(site.call_base_url, listing.path),
        "example": suffix(terms.example_input, terms.path_parameters),
        "sample": terms.sample.body.decode("utf-8", "replace")[:SAMPLE_CHARACTERS_MAX],
        "changes": differences(old if waits else None, terms),
        "by_operator": listing.seller.owner_id is None,
        "prices": [
            {
                "amount": Amount.of(p.network, p.asset, p.amount_atomic),
                "pay_to": p.pay_to,
                "network": p.network,
                "proof": vouched(known, p.pay_to, p.network),
            }
            for p in terms.prices
        ],
    }


def _seen(listing: Listing) -> dict[str, Any]:
    """What was seen of it: when it was submitted, and since it is live."""
    kept = proposals.of_proposal(listing)
    live = verified.report(listing)
    checks = kept.checks if kept else live.checks if live else []
    at = kept.at if kept else live.verified_at if live else None
    return {
        "checks_at": at,
        "checks_of_live": kept is None,
        "failed_checks": [check for check in checks if not check["passed"]],
        "passed_checks": [check for check in checks if check["passed"]],
        "look": kept.look if kept else None,
        "probes": list(listing.probe_results.order_by("-pk")[:PROBES_SHOWN_MAX]),
    }


@dataclass(frozen=True, slots=True)
class Flag:
    """One thing that should make a moderator stop."""

    text: str
    proven_at: datetime | None = None  # the wallet that would be paid


def _flags(listing: Listing) -> dict[str, Any]:
    """What should make one stop: each in words, worst first."""
    wallets, alike = records.wallets(listing), likenesses(listing)
    shown = listing.proposed_revision if listing.submitted_at else listing.live_revision
    return {
        "wallets": wallets,
        "alike": alike,
        "flags": [
            *_alarms(listing),
            *map(Flag, _of_wallets(wallets)),
            *map(Flag, _of_names(shown, alike)),
        ],
    }


def _alarms(listing: Listing) -> list[Flag]:
    """Calls or money that would go elsewhere; and since when the new wallet is known."""
    live, new = listing.live_revision, listing.proposed_revision
    if live is None or new is None or listing.submitted_at is None:
        return []
    proven_at = changed_at(listing.seller, new, live)
    changes: list[Change] = differences(Terms.from_json(live.terms), Terms.from_json(new.terms))
    hosts = [Flag(each.warning) for each in changes if each.alarm and each.label == "Upstream"]
    if pays_elsewhere(new, live):
        hosts.append(Flag("The payout wallet of a live listing changes.", proven_at))
    return hosts


def _of_wallets(wallets: list[PastWallet]) -> list[str]:
    return [
        f"{', '.join(each.elsewhere)} is paid into the same wallet."
        for each in wallets
        if each.elsewhere and (each.is_live or each.is_proposed)
    ]


def _of_names(revision: Revision | None, alike: list[Likeness]) -> list[str]:
    found = [f"{each.what[0].upper()}{each.what[1:]} {each.path}." for each in alike]
    if revision is not None and (mixed := mixed_alphabets(revision.terms["title"])):
        spelled = " and ".join(each.capitalize() for each in mixed)
        found.append(f"A word of the title mixes alphabets: {spelled}.")
    return found


def _standing(listing: Listing, judge: Judge, rules: ReviewRules) -> dict[str, Any]:
    """Who may say what about it now."""
    held = holds.of([listing.pk]).get(listing.pk)
    two = two_people.why_two(listing, rules) if listing.submitted_at else []
    yeses = two_people.yeses(listing) if two else set()
    kept = proposals.of_proposal(listing)
    objections = []
    if rules.unasked_below and listing.submitted_at and kept:
        checks = [Check.from_json(each) for each in kept.checks]
        objections = automatic.objections(listing, checks, rules)
    return {
        "held": held,
        "mine": held is not None and held.moderator_id == judge.user_id,
        "decided": Verdict.objects.filter(listing=listing, due_at__isnull=False).first(),
        "two": two,
        "yeses": len(yeses),
        "said_yes": judge.user_id in yeses,
        "rules_on": bool(rules.unasked_below),
        "objections": objections,
    }
