"""The fields of the wizard's steps: what they are called, and what is said beside them.

A form here shows what was typed and what is wrong with it. It decides nothing: whether a step is
done, `sellers.drafting.steps` says, by the rules that the listing itself must keep.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.core.exceptions import NON_FIELD_ERRORS
from django.http import QueryDict

from payments.amounts import Amount
from payments.x402.networks import NETWORKS
from sellers.categories import CATEGORIES, label
from sellers.drafting.input_rows import TYPES
from sellers.drafting.typed import Typed, token_key
from sellers.drafts import (
    DESCRIPTION_CHARACTERS_MAX,
    SERVICE_NAME_CHARACTERS_MAX,
    TAGS_MAX,
    TITLE_CHARACTERS,
    total_seconds_max,
)
from sellers.models import Payout
from sellers.models.listings import SLUG_CHARACTERS_MAX
from sellers.prices import read_dollars
from sellers.profile.directory import NAME_CHARACTERS_MAX
from sellers.refusals import ListingRefused
from sellers.release_words import RELEASE_WORDS
from sellers.site import Accepted, Site
from sellers.terms import METHODS

_RELEASES = [
    (release, f"{release.capitalize()}: {words.to_seller}")
    for release, words in RELEASE_WORDS.items()
]
_MODES = (("rows", "Row by row"), ("json", "As JSON Schema"))
TYPE_WORDS = dict(zip(TYPES, ("text", "whole number", "number", "yes or no"), strict=True))


def _code(rows: int = 6) -> forms.Textarea:
    return forms.Textarea(attrs={"class": "code", "rows": rows, "spellcheck": "false"})


def _line(
    label: str, hint: str = "", *, required: bool = True, most: int = 0, **attributes: Any
) -> forms.Field:
    counted = {"data-most": most} if most else {}
    widget = forms.TextInput(attrs={"autocomplete": "off", **counted, **attributes})
    return forms.CharField(label=label, help_text=hint, required=required, widget=widget)


class SellerForm(forms.Form):
    """Who sells."""

    name = _line("Name", f"Buyers see it. Up to {NAME_CHARACTERS_MAX} characters.")
    slug = _line(
        "Address",
        "Part of every address of yours, for good: a-z, 0-9 and hyphens, such as acme-data.",
        spellcheck="false",
        autocapitalize="none",
    )


class EndpointForm(forms.Form):
    """Where calls go."""

    upstream_url = _line(
        "Address of your endpoint",
        "https://…, with {name} for a path parameter. Buyers' query parameters are passed on.",
        inputmode="url",
        spellcheck="false",
        placeholder="https://api.example/v1/weather",
    )
    method = forms.ChoiceField(label="Method", choices=[(each, each) for each in METHODS])
    forward_headers = _line(
        "Buyers' headers to pass on",
        "Names, with commas between them. Accept and Content-Type are passed on always.",
        required=False,
        placeholder="x-request-id",
    )


class ShapeForm(forms.Form):
    """What goes in and comes out."""

    input_mode = forms.ChoiceField(
        label="Parameters", choices=_MODES, widget=forms.RadioSelect, required=True
    )
    input_schema = forms.CharField(
        label="JSON Schema of the input",
        help_text="One object with path, query and body. Self-contained: no $ref to elsewhere.",
        required=False,
        widget=_code(12),
    )
    example = forms.CharField(
        label="Example call, as JSON",
        help_text='Such as {"query": {"city": "Oslo"}}.',
        required=False,
        widget=_code(4),
    )
    sample_type = _line("Type of the answer", "", required=False, placeholder="application/json")
    sample_body = forms.CharField(
        label="Example answer",
        help_text="What the example call brings. It is shown to everybody, free.",
        widget=_code(8),
    )
    output_schema = forms.CharField(
        label="JSON Schema of the answer",
        help_text="Left empty, it is made from the example answer.",
        required=False,
        widget=_code(8),
    )


class WordsForm(forms.Form):
    """How it is found."""

    title = _line(
        "Title",
        f"{TITLE_CHARACTERS[0]} to {TITLE_CHARACTERS[-1]} characters.",
        most=TITLE_CHARACTERS[-1],
    )
    slug = _line(
        "Address",
        f"The end of its address, for good: a-z, 0-9, hyphens; up to {SLUG_CHARACTERS_MAX}.",
        spellcheck="false",
        autocapitalize="none",
        most=SLUG_CHARACTERS_MAX,
    )
    description = forms.CharField(
        label="Description",
        help_text=(
            "What a buyer gets, and for what input. Agents choose by it."
            f" Up to {DESCRIPTION_CHARACTERS_MAX} characters, in one paragraph."
        ),
        widget=forms.Textarea(attrs={"rows": 4, "data-most": DESCRIPTION_CHARACTERS_MAX}),
    )
    tags = _line("Tags", f"Up to {TAGS_MAX}, with commas between them.", required=False)
    category = forms.ChoiceField(
        label="Category",
        help_text="Agents that look for one of these words find it in the catalog.",
        choices=[("", "None of these"), *((each, label(each)) for each in CATEGORIES)],
        required=False,
    )
    service_name = _line(
        "Short name for agents",
        f"Plain letters, up to {SERVICE_NAME_CHARACTERS_MAX}. Left empty: the title.",
        required=False,
        most=SERVICE_NAME_CHARACTERS_MAX,
    )


class DeliveryForm(forms.Form):
    """When and within which limits."""

    release = forms.ChoiceField(
        label="When the answer leaves", choices=_RELEASES, widget=forms.RadioSelect, required=True
    )
    stream = forms.BooleanField(
        label="Pass the answer on as it comes",
        help_text="For long or live answers; with Upfront only.",
        required=False,
    )
    check_output = forms.BooleanField(
        label="Charge only for answers with every required key",
        help_text="A JSON answer that lacks one is not charged.",
        required=False,
    )
    empty_answers = forms.BooleanField(
        label="An answer without a body is a good one", required=False
    )
    total_seconds = _line(
        "Seconds a call may take", "Then it is given up, and not charged.", required=False,
        inputmode="numeric",
    )  # fmt: skip
    keep_days = _line(
        "Days an answer can be fetched again", "By who paid for it.", required=False,
        inputmode="numeric",
    )  # fmt: skip


def _limits(form: forms.Form, site: Site) -> forms.Form:
    """What counts when nothing is typed, shown where it would be typed."""
    form.fields["total_seconds"].widget.attrs["placeholder"] = f"{total_seconds_max(site):g}"
    form.fields["keep_days"].widget.attrs["placeholder"] = str(site.answer_keep_days)
    return form


class PriceForm(forms.Form):
    """A price in dollars for each token that is taken here."""

    def __init__(self, *args: Any, site: Site, **options: Any) -> None:
        super().__init__(*args, **options)
        for accepted in site.accepted:
            asset = accepted.asset
            network = NETWORKS[asset.network]
            test = ", a test network" if network.testnet else ""
            self.fields[f"price:{token_key(asset.network, asset.address)}"] = _line(
                f"{asset.symbol} on {network.name}{test}",
                _floor(accepted, str(self.initial.get(_price(accepted), "")), site),
                required=False,
                inputmode="decimal",
                placeholder="0.01",
            )


class PayoutForm(forms.Form):
    """Which proven wallet each price pays into."""

    def __init__(self, *args: Any, site: Site, payouts: Iterable[Payout], **options: Any) -> None:
        super().__init__(*args, **options)
        known = list(payouts)
        for accepted in site.accepted:
            asset = accepted.asset
            if not str(self.initial.get(_price(accepted), "")).strip():
                continue
            fitting = [each for each in known if each.counts_on(asset.network)]
            choices = [("", "Choose a wallet"), *((p.address, p.address) for p in fitting)]
            self.fields[f"pay_to:{token_key(asset.network, asset.address)}"] = forms.ChoiceField(
                label=f"{asset.symbol} on {NETWORKS[asset.network].name} is paid to",
                choices=choices,
            )


def form_of(step: str, typed: Typed, site: Site, payouts: Iterable[Payout] = ()) -> forms.Form:
    """A step's form with what was typed in it."""
    initial: dict[str, Any] = {"method": "GET", "input_mode": "rows", "release": "hold", **typed}
    if step == "price":
        return PriceForm(initial=initial, site=site)
    if step == "payout":
        return PayoutForm(initial=initial, site=site, payouts=payouts)
    form = _PLAIN[step](initial=initial)
    return _limits(form, site) if step == "delivery" else form


def field_names(site: Site) -> dict[str, bool]:
    """Every field in which something is typed, and whether it is a box to tick."""
    found = {
        name: isinstance(field, forms.BooleanField)
        for form in _PLAIN.values()
        for name, field in form.base_fields.items()
    }
    tokens = [token_key(each.asset.network, each.asset.address) for each in site.accepted]
    paid = {f"{what}:{key}": False for key in tokens for what in ("price", "pay_to")}
    return {**found, "logo": False, **paid}


def typed_in(form: forms.Form, posted: QueryDict) -> dict[str, str]:
    """What was typed into a form's fields, as it was typed; an unticked box is an empty text."""
    return {
        name: str(posted.get(name, ""))
        for name, field in form.fields.items()
        if name in posted or isinstance(field, forms.BooleanField)
    }


def complain(form: forms.Form, refused: ListingRefused) -> None:
    """Say at its field what is wrong; above the form where it has no such field."""
    name = _SHOWN_AT.get(refused.field, refused.field)
    if name not in form.fields and ":" not in name:
        name = next((known for known in form.fields if known.startswith(f"{name}:")), name)
    place = name if name in form.fields else NON_FIELD_ERRORS
    message = refused.message[:1].upper() + refused.message[1:]
    # The form is bound to nothing, so that its own checks do not speak before ours.
    form.errors[place] = form.error_class([message])


_PLAIN: Mapping[str, type[forms.Form]] = {
    "endpoint": EndpointForm,
    "shape": ShapeForm,
    "words": WordsForm,
    "delivery": DeliveryForm,
}
_SHOWN_AT = {"sample": "sample_body", "timeout": "total_seconds", "network": "price"}


def _price(accepted: Accepted) -> str:
    return f"price:{token_key(accepted.asset.network, accepted.asset.address)}"


def _floor(accepted: Accepted, typed: str, site: Site) -> str:
    """What may be asked, and what was typed in the token's own units."""
    most = f"to ${site.price_max:f}"
    least = f"From ${accepted.price_floor:f}, so that a payment is worth its gas, {most}."
    asset = accepted.asset
    try:
        units = read_dollars(typed.strip().removeprefix("$")) * 10**asset.decimals
    except ListingRefused:
        return f"{least} Leave it empty to take none of it."
    if units != units.to_integral_value():
        return least
    amount = Amount.of(asset.network, asset.address, int(units))
    return f"{amount.text} are {int(units)} base units. {least}"
