"""Who a seller says they are: the form, and what graders of agents would miss in it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from sellers.drafting.forms import complain, typed_in
from sellers.models import CatalogEntry, Listing, Seller
from sellers.models.listings import ABOUT_CHARACTERS_MAX
from sellers.pages.domain_card import domain_context
from sellers.pages.own import seller_only
from sellers.profile import logos, profiles
from sellers.profile.directory import NAME_CHARACTERS_MAX
from sellers.profile.profiles import Profile
from sellers.refusals import ListingRefused

READ_BY = ("agent-registration.json", "openapi.json", "x402.json", "llms.txt")


class ProfileForm(forms.Form):
    """What buyers and agents read about a seller."""

    name = forms.CharField(
        label="Name",
        help_text="Buyers see it beside every listing.",
        widget=forms.TextInput(attrs={"data-most": NAME_CHARACTERS_MAX, "autocomplete": "off"}),
    )
    about = forms.CharField(
        label="Description",
        help_text="What your services are good for, in a few sentences. Registries show it.",
        required=False,
        widget=forms.Textarea(attrs={"rows": 6, "data-most": ABOUT_CHARACTERS_MAX}),
    )
    website = forms.CharField(
        label="Website",
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "url", "placeholder": "https://example.com"}),
    )
    contact = forms.CharField(
        label="Contact",
        help_text="An e-mail address or a page. Everybody can read it.",
        required=False,
        widget=forms.TextInput(attrs={"placeholder": "you@example.com", "autocomplete": "off"}),
    )


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def profile(request: HttpRequest, seller: Seller) -> HttpResponse:
    """What is said now, and the form that changes it."""
    said = profiles.profile_of(seller)
    if request.method != "POST":
        return _shown(request, seller, said)
    typed = _typed(request, seller, said)
    try:
        if request.POST.get("action") == "drop-logo":
            typed = _with_logo(typed, "")
        elif picture := request.FILES.get("logo_file"):
            taken = picture.read(logos.LOGO_BYTES_MAX + 1)
            typed = _with_logo(typed, logos.keep(seller, taken))
        profiles.write(seller, typed)
    except ListingRefused as refused:
        return _shown(request, seller, typed, refused)
    messages.success(request, "Saved. Your pages and agents' files say it from now on.")
    return redirect("sell-profile")


@seller_only
@require_POST
def points(request: HttpRequest, seller: Seller) -> HttpResponse:
    """What graders would find in what is typed just now; nothing is saved."""
    typed = _typed(request, seller, profiles.profile_of(seller))
    return render(request, "sellers/_points.html", _graded(seller, typed))


def _typed(request: HttpRequest, seller: Seller, said: Profile) -> Profile:
    logo = {"logo": _chosen(request, seller, said)}
    return Profile(**typed_in(ProfileForm(), request.POST) | _missing(request, said) | logo)


def _missing(request: HttpRequest, said: Profile) -> dict[str, str]:
    """What the form did not send stays as it is."""
    kept = {name: getattr(said, name) for name in ProfileForm.base_fields}
    return {n: v for n, v in kept.items() if n not in request.POST}


def _chosen(request: HttpRequest, seller: Seller, said: Profile) -> str:
    """The picture of the last try, where another field was refused; else the one that is shown."""
    chosen = request.POST.get("logo", said.logo)
    try:
        logos.refuse_others(seller, chosen)
    except ListingRefused:
        return said.logo
    return chosen


def _with_logo(typed: Profile, logo: str) -> Profile:
    return Profile(typed.name, typed.about, typed.website, typed.contact, logo)


def _shown(
    request: HttpRequest, seller: Seller, said: Profile, refused: ListingRefused | None = None
) -> HttpResponse:
    context = profile_context(seller, said, refused)
    return render(request, "sellers/profile.html", context, status=422 if refused else 200)


def profile_context(
    seller: Seller, said: Profile, refused: ListingRefused | None = None
) -> dict[str, Any]:
    """All that stands on the page."""
    form = ProfileForm(initial={name: getattr(said, name) for name in ProfileForm.base_fields})
    if refused is not None:
        complain(form, refused)
    return {
        "seller": seller,
        "form": form,
        "said": said,
        "is_public": CatalogEntry.objects.filter(seller_slug=seller.slug).exists(),
        "logo_waits": said.logo != seller.logo,
        "logo_trouble": refused.message if refused and refused.field == "logo" else "",
        "files": [f"/s/{seller.slug}/{name}" for name in READ_BY],
        **domain_context(seller),
        **_graded(seller, said),
    }


def _graded(seller: Seller, said: Profile) -> dict[str, Any]:
    sells = seller.listings.filter(state=Listing.State.LIVE).exists()
    found = profiles.points(said, sells=sells)
    return {"points": found, "reached": sum(each.there for each in found)}
