"""The steps from an address to a listing, and what each still lacks.

A step is judged by the very rules that finish a draft: its own fields as typed, and ordinary ones
in place of every other step's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Final

from sellers.drafting.typed import NOBODY, Typed, draft_of, path_names, token_key
from sellers.drafting.worksheets import kept_secrets
from sellers.drafts import Draft, finish, upstream_url
from sellers.input_rules import admit_example, admit_input
from sellers.models import Listing, Worksheet
from sellers.payouts.payouts import standing, vouched
from sellers.prices import Ask, price
from sellers.profile.directory import refuse_odd_slug
from sellers.refusals import ListingRefused, bad
from sellers.site import Site
from sellers.terms import METHODS, Sample


@dataclass(frozen=True, slots=True)
class Step:
    """One page of the way."""

    slug: str
    title: str
    fields: frozenset[str]  # as refusals name them
    says: str


def _step(slug: str, title: str, fields: str, says: str) -> Step:
    return Step(slug, title, frozenset(fields.split()), says)


STEPS: Final = (
    _step(
        "endpoint",
        "Endpoint",
        "upstream_url method forward_headers secret_headers secret_name secret_value",
        "Where calls are sent. Buyers never see this address.",
    ),
    _step(
        "shape",
        "Input and answer",
        "input_schema example rows output_schema sample sample_body sample_type",
        "What a buyer sends and what comes back: programs read this before they pay.",
    ),
    _step(
        "words",
        "Words",
        "title slug description service_name tags category logo",
        "How people and agents find it.",
    ),
    _step("price", "Price", "price network asset prices", "What one call costs, in dollars."),
    _step("payout", "Payout", "pay_to", "Whose wallet is paid. The marketplace never holds it."),
    _step(
        "delivery",
        "Delivery",
        "release stream check_output timeout keep_days",
        "When the answer leaves, and within which limits.",
    ),
)
BY_SLUG: Final = {step.slug: step for step in STEPS}
TRY: Final = "try"
REVIEW: Final = "review"
_SAMPLE = Sample(200, "application/json", b"{}")


def step_of(field: str) -> Step:
    """The step on which a field stands; the first where nobody knows it."""
    name = field.partition(":")[0]
    return next((step for step in STEPS if name in step.fields), STEPS[0])


def lacks(worksheet: Worksheet, step: Step, site: Site) -> ListingRefused | None:
    """The first thing that this step still lacks, or nothing."""
    check = {
        "endpoint": _endpoint,
        "shape": _shape,
        "words": _words,
        "price": _price,
        "payout": _payout,
        "delivery": _delivery,
    }[step.slug]
    try:
        check(worksheet, site)
    except ListingRefused as refused:
        return refused
    return None


def first_unfinished(worksheet: Worksheet, site: Site) -> str:
    """Where to go on: the first step that lacks something, or the review."""
    return next((step.slug for step in STEPS if lacks(worksheet, step, site)), REVIEW)


def missing_secrets(worksheet: Worksheet) -> list[str]:
    """The secret headers whose value nobody has given for this host yet."""
    names = worksheet.typed.get("secret_headers", [])
    kept = kept_secrets(worksheet, str(worksheet.typed.get("upstream_url", ""))) if names else {}
    return [name for name in names if name not in kept]


def _endpoint(worksheet: Worksheet, site: Site) -> None:
    typed = worksheet.typed
    if not str(typed.get("upstream_url", "")).strip():
        raise bad("upstream_url", "the address of your endpoint, such as https://api.example/v1")
    if (typed.get("method") or "GET") not in METHODS:
        raise bad("method", f"one of {', '.join(METHODS)}")
    upstream_url(str(typed["upstream_url"]), site)
    draft = draft_of(
        {name: typed[name] for name in ("forward_headers", "secret_headers") if name in typed}, site
    )
    ordinary = _ordinary(site)
    ordinary = replace(ordinary, forward_headers=draft.forward_headers)
    finish(replace(ordinary, secret_headers=draft.secret_headers), site)
    if missing := missing_secrets(worksheet):
        raise bad("secret_headers", f"give a value for {missing[0]} that this host takes")


def _shape(worksheet: Worksheet, site: Site) -> None:
    typed = worksheet.typed
    draft = draft_of(_only(typed, "price:", keep=False), site)
    names = path_names(typed)
    schema = admit_input(draft.input_schema, draft.example, draft.method, names)
    admit_example(draft.example, schema)
    if not draft.sample.body and draft.require_body:
        raise bad("sample", "an answer: look at the endpoint, or paste one")
    ordinary = _ordinary(site)
    finish(
        replace(
            ordinary,
            sample=draft.sample,
            output_schema=draft.output_schema,
            require_body=draft.require_body,
        ),
        site,
    )


def _words(worksheet: Worksheet, site: Site) -> None:
    draft = draft_of(_picked(worksheet.typed, "title description service_name tags category"), site)
    changed = partial(replace, _ordinary(site))
    finish(
        changed(
            title=draft.title,
            description=draft.description,
            service_name=draft.service_name,
            tags=draft.tags,
            category=draft.category,
        ),
        site,
    )
    slug = str(worksheet.typed.get("slug", ""))
    refuse_odd_slug(slug)
    taken = Listing.objects.filter(seller=worksheet.seller_id, slug=slug)
    if taken.exclude(pk=worksheet.listing_id).exists():
        raise bad("slug", "you have a listing at this address already")


def _price(worksheet: Worksheet, site: Site) -> None:
    prices = draft_of(_only(worksheet.typed, "price:"), site).prices
    if not prices:
        raise bad("price", "a price on one network at least")
    for ask in prices:
        try:
            price(replace(ask, pay_to=NOBODY), site)
        except ListingRefused as refused:
            key = token_key(ask.network, ask.asset)
            raise bad(f"price:{key}", refused.message) from refused
    release = draft_of({"release": worksheet.typed.get("release", "")}, site).release
    fast = release if release == "instant" else "hold"
    finish(replace(_ordinary(site), prices=_payable(prices), release=fast), site)


def _payout(worksheet: Worksheet, site: Site) -> None:
    known = standing(worksheet.seller)
    asks = draft_of(_only(worksheet.typed, "price:", "pay_to:"), site).prices
    if not asks:
        raise bad("pay_to", "give a price first")
    for ask in asks:
        key = token_key(ask.network, ask.asset)
        if ask.pay_to == NOBODY:
            raise bad(f"pay_to:{key}", "choose a wallet that you have proven")
        if vouched(known, price(ask, site).pay_to, ask.network) is None:
            raise bad(f"pay_to:{key}", "nobody has signed for this wallet yet")


def _delivery(worksheet: Worksheet, site: Site) -> None:
    kept = "release total_seconds keep_days check_output stream empty_answers"
    draft = draft_of(_picked(worksheet.typed, kept), site)
    prices = draft_of(_only(worksheet.typed, "price:"), site).prices
    ordinary = _ordinary(site)
    finish(
        replace(
            ordinary,
            release=draft.release,
            stream=draft.stream,
            check_output=draft.check_output,
            total_seconds=draft.total_seconds,
            answer_keep_days=draft.answer_keep_days,
            prices=_payable(prices) or ordinary.prices,
        ),
        site,
    )


def _ordinary(site: Site) -> Draft:
    """A draft that no rule is against, so that a step is refused for its own fields only."""
    first = site.accepted[0] if site.accepted else None
    if first is None:
        raise bad("network", "this marketplace is configured for no network to be paid on")
    return Draft(
        upstream_url="https://upstream.invalid/",
        title="Ordinary",
        description="Ordinary.",
        sample=_SAMPLE,
        prices=[Ask(first.price_floor or "0.01", first.asset.network, NOBODY, first.asset.address)],
    )


def _payable(asks: Sequence[Ask]) -> list[Ask]:
    return [replace(ask, pay_to=NOBODY) for ask in asks]


def _picked(typed: Typed, names: str) -> Mapping[str, object]:
    return {name: typed[name] for name in names.split() if name in typed}


def _only(typed: Typed, *prefixes: str, keep: bool = True) -> Mapping[str, object]:
    return {name: value for name, value in typed.items() if name.startswith(prefixes) is keep}
