"""What the style guide shows: ordinary things, and the worst that pages will meet."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils import timezone

from payments.amounts import Amount
from payments.x402.networks import DEFAULT_ASSETS

LONG_WORD = "Donaudampfschifffahrtsgesellschaftskapitänsmützenverkaufsstatistik"
ADDRESSES = (
    "0x70997970C51812dc3A010C7d01b50e0d17dc79C8",
    "0x3C44CdDdB6a900fa2b585dd299e03d12FA4293BC",
    "0x90F79bf6EB2c4f870365E785982E1f101E93b906",
    "0x15d34AAf54267DB7D7c367839AAf71A00a2C6A65",
)
_DOLLAR = next(asset for asset in DEFAULT_ASSETS if asset.network == "eip155:84532")
_MAIN_DOLLAR = next(asset for asset in DEFAULT_ASSETS if asset.network == "eip155:8453")


class SampleForm(forms.Form):
    """One field of each kind."""

    title = forms.CharField(help_text="What buyers read first, up to 80 characters.")
    url = forms.URLField(label="Upstream URL", assume_scheme="https")
    price = forms.DecimalField(help_text="At least $0.001.")
    method = forms.ChoiceField(choices=[("GET", "GET"), ("POST", "POST")])
    description = forms.CharField(widget=forms.Textarea(attrs={"rows": 3}), required=False)
    release = forms.ChoiceField(
        widget=forms.RadioSelect,
        choices=[("hold", "When the money has moved"), ("instant", "At once")],
        help_text="When the answer leaves.",
    )
    safe = forms.BooleanField(label="Safe to repeat", required=False)
    schema = forms.FileField(label="OpenAPI document", required=False)


def everything() -> dict[str, Any]:
    """The context of the style guide."""
    typed = {"title": LONG_WORD * 2, "url": "ftp://inside", "price": "-1"}
    wrong = SampleForm(typed, auto_id="wrong_%s")  # beside another on one page
    wrong.is_valid()
    wrong.add_error(None, "The draft was changed in another window. Nothing was saved.")
    now = timezone.now()
    return {
        "form": SampleForm(initial={"title": "Weather now", "release": "hold"}),
        "wrong": wrong,
        "addresses": ADDRESSES,
        "network": _MAIN_DOLLAR.network,
        "long_word": LONG_WORD,
        "amounts": _amounts(),
        "times": [now - timedelta(seconds=each) for each in (2, 50, 3_000, 90_000, 9_000_000)],
        "rows": _rows(),
        "tabs": [
            {"label": "All", "href": "?", "current": True, "count": 12},
            {"label": "In review", "href": "?state=review", "current": False, "count": 0},
            {"label": "Live", "href": "?state=live", "current": False, "count": None},
        ],
        "snippets": [
            {"label": "curl", "code": "curl -i 'https://souk.example/call/weather'"},
            {"label": "Python", "note": "Once:", "code": "pip install x402"},
            {"label": LONG_WORD, "code": LONG_WORD, "then": "Then:", "next_code": LONG_WORD},
        ],
        "charts": _charts(),
        "sparks": {
            "rising": [1, 2, 2, 4, 7, 9, 14],
            "flat": [0, 0, 0, 0],
            "one value": [3],
            "none": [],
        },
    }


def _amounts() -> list[Amount]:
    def dollars(atomic: int) -> Amount:
        return Amount.of(_DOLLAR.network, _DOLLAR.address, atomic)

    known = [dollars(each) for each in (0, 1, 5_000, 1_250_000, -2_500_000, 12_345_678_901_234)]
    main = Amount.of(_MAIN_DOLLAR.network, _MAIN_DOLLAR.address, 88_100_000)
    return [*known, main, Amount.of("eip155:8453", ADDRESSES[0], 42)]


def _rows() -> list[dict[str, Any]]:
    now = timezone.now()
    words = (
        ("final", "good"),
        ("settling", "waiting"),
        ("not charged", "neutral"),
        ("refund due", "bad"),
    )
    amounts = _amounts()[2:]
    return [
        {
            "at": now - timedelta(minutes=7**place),
            "listing": "Weather now" if place else f"Die {LONG_WORD}",
            "buyer": ADDRESSES[place],
            "word": word,
            "tone": tone,
            "amount": amounts[place],
        }
        for place, (word, tone) in enumerate(words)
    ]


def _charts() -> list[dict[str, Any]]:
    days = [(f"{day} Nov", 4 + (day * 7) % 11 + day / 4) for day in range(1, 31)]
    return [
        {"title": "Earned per day", "unit": "$", "points": days},
        {
            "title": "Confirmed and pending",
            "unit": "$",
            "legend": "Confirmed",
            "points": [
                {"label": f"{day} Nov", "value": day * 1.5, "pending": day - 3 if day > 4 else 0}
                for day in range(1, 8)
            ],
        },
        {"title": "One value", "points": [("Today", 3)]},
        {"title": "Nothing yet", "points": [(f"{day} Nov", 0) for day in range(1, 8)]},
        {"title": "No points at all", "points": []},
        {"title": "Huge", "unit": "$", "points": [("Mon", 10**18), ("Tue", 3 * 10**18)]},
        {"title": "Negative", "unit": "$", "points": [("Mon", 4), ("Tue", -2.5), ("Wed", 0.01)]},
        {"title": "Tiny", "unit": "$", "points": [("Mon", "0.0004"), ("Tue", "0.0011")]},
    ]
