"""A seller's domain as it stands on their profile: the form, what to put where, and what came."""

from __future__ import annotations

from typing import Any

from django import forms

from payments.live.happenings import Topic, live_query
from sellers.domains import claims
from sellers.domains.files import address_of
from sellers.drafting.forms import complain
from sellers.happenings import DOMAIN
from sellers.models import Domain, Seller
from sellers.profile.look_alikes import in_letters
from sellers.refusals import ListingRefused
from sellers.site import domain_limits


class DomainForm(forms.Form):
    """Which domain is a seller's."""

    domain = forms.CharField(
        label="Your domain",
        help_text="The name alone. Subdomains are domains of their own.",
        widget=forms.TextInput(
            attrs={
                "placeholder": "example.com", "autocomplete": "off", "autocapitalize": "none",
                "spellcheck": "false", "inputmode": "url",
            }
        ),
    )  # fmt: skip


def domain_context(
    seller: Seller, typed: str = "", refused: ListingRefused | None = None
) -> dict[str, Any]:
    """What stands of a seller's domain on their profile."""
    live = live_query(Topic(DOMAIN, seller.pk))
    row = claims.domain_of(seller)
    form = DomainForm(initial={"domain": typed or (in_letters(row.name) if row else "")})
    if refused is not None:
        complain(form, refused)
    return {
        "domain": row,
        "live": live,
        "domain_form": form,
        "domain_refused": refused is not None,
        "domain_file": str(address_of(row.name)) if row else "",
        "domain_letters": _other_letters(row),
        "domain_days": domain_limits().lost_days,
    }


def _other_letters(row: Domain | None) -> str:
    """The name in its own letters, where buyers are shown punycode."""
    letters = in_letters(row.name) if row else ""
    return letters if row and letters != row.name else ""
