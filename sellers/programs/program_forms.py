"""The forms for what a seller's programs use: webhooks and API keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User

from sellers.addresses import URL_CHARACTERS_MAX
from sellers.models import Seller
from sellers.programs.keys import NAME_CHARACTERS_MAX, PRESETS, SCOPES
from sellers.refusals import ListingRefused
from sellers.webhooks.events import BUYER_EVENTS, EVENTS, USUAL_EVENTS

LIFETIMES = (("", "Never"), ("30", "In 30 days"), ("90", "In 90 days"), ("365", "In a year"))
_PRESET_WORDS = {
    "read-only": "Read only: see everything, change nothing",
    "listings": "Listings: everything about listings, nothing about money",
    "analytics": "Analytics: see listings and money",
    "own": "Choose below",
}


class WebhookForm(forms.Form):
    """An address and what it is told of."""

    url = forms.CharField(
        label="Address",
        max_length=URL_CHARACTERS_MAX,
        widget=forms.URLInput(
            attrs={"placeholder": "https://example.com/souk", "inputmode": "url"}
        ),
        help_text="Public https. Messages are POSTed there, signed.",
    )
    events = forms.MultipleChoiceField(
        label="Tell it of",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose one event at least."},
    )

    def __init__(self, *given: Any, whose: Seller | User, **named: Any) -> None:
        super().__init__(*given, **named)
        sells = isinstance(whose, Seller)
        events: Any = self.fields["events"]
        known = EVENTS if sells else BUYER_EVENTS
        events.choices = [(name, f"{name}: {words}") for name, words in known.items()]
        events.initial = USUAL_EVENTS if sells else tuple(BUYER_EVENTS)


class HealthForm(forms.Form):
    """How a listing's health is to be known."""

    way = forms.ChoiceField(
        label="How we know that it works",
        choices=[
            ("calls", "From buyers' calls only: your endpoint is asked nothing besides"),
            ("url", "From a health address of yours: a GET that answers 2xx when all is well"),
            ("example", "By repeating the example call: it is safe to repeat and changes nothing"),
        ],
        widget=forms.RadioSelect,
    )
    url = forms.CharField(
        label="Health address",
        required=False,
        max_length=URL_CHARACTERS_MAX,
        help_text="Public https. No secret header is sent to it.",
        widget=forms.TextInput(
            attrs={"placeholder": "https://example.com/health", "inputmode": "url"}
        ),
    )


class KeyForm(forms.Form):
    """A key's name and what it may do."""

    name = forms.CharField(
        label="Name", max_length=NAME_CHARACTERS_MAX, help_text="What the key is for."
    )
    preset = forms.ChoiceField(
        label="What it may do",
        choices=list(_PRESET_WORDS.items()),
        initial="read-only",
        widget=forms.RadioSelect,
    )
    scopes = forms.MultipleChoiceField(
        label="If you choose yourself",
        choices=[(name, f"{name}: {words}") for name, words in SCOPES.items()],
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    expires_days = forms.TypedChoiceField(
        label="It runs out", choices=LIFETIMES, required=False, coerce=int, empty_value=None
    )

    def clean(self) -> dict[str, Any]:
        """The scopes of the preset, or those that were chosen one by one."""
        said = super().clean() or {}
        chosen = PRESETS.get(said.get("preset", ""), tuple(said.get("scopes") or ()))
        if not chosen and "preset" in said:
            self.add_error("scopes", "Choose one at least, or take a preset.")
        said["scopes"] = chosen
        return said


def show_refusal(form: forms.Form, refused: ListingRefused) -> None:
    """Put a refusal beside the field it is about."""
    field = refused.field if refused.field in form.fields else None
    form.add_error(field, refused.message[:1].upper() + refused.message[1:])
