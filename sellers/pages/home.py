"""A seller's listings and unfinished drafts at one look; before that, the way to become one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from payments.amounts import Amount
from payments.ids import read_id
from payments.serving.paging import page_in
from sellers.agreements import agreement_of
from sellers.drafting import worksheets
from sellers.drafting.forms import EndpointForm, SellerForm, complain, typed_in
from sellers.drafting.steps import BY_SLUG, first_unfinished
from sellers.models import Listing, Seller, Verdict, Worksheet
from sellers.notices import unseen
from sellers.pages.own import seller_only, to_sign_in
from sellers.profile.directory import open_seller_for, seller_of
from sellers.refusals import ListingRefused
from sellers.reviews.records import last_word
from sellers.site import terms_date, this_site

LISTINGS_SHOWN_MAX = 100
TONES = {
    "draft": "neutral",
    "in_review": "waiting",
    "live": "good",
    "paused": "waiting",
    "suspended": "bad",
    "retired": "neutral",
}


@dataclass(frozen=True, slots=True)
class Row:
    """One listing in the list."""

    listing: Listing
    title: str
    word: str
    tone: str
    prices: list[Amount]
    note: str

    @property
    def note_tone(self) -> str:
        """A note on something that is well still says that something waits."""
        return "waiting" if self.tone == "good" or self.listing.reason else self.tone


@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def home(request: HttpRequest) -> HttpResponse:
    """What a seller has; for somebody new, the form that opens a seller."""
    if not request.user.is_authenticated:
        return to_sign_in(request)
    seller = seller_of(request.user)
    if seller is not None:
        return _listings(request, seller)
    if request.method == "POST":
        return _opened(request)
    return render(request, "sellers/open.html", _opening(SellerForm()))


def _opened(request: HttpRequest) -> HttpResponse:
    posted = request.POST
    assert request.user.is_authenticated  # `home` looked
    try:
        open_seller_for(request.user, posted.get("slug", "").strip(), posted.get("name", ""))
    except ListingRefused as refused:
        form = SellerForm(initial=typed_in(SellerForm(), posted))
        complain(form, refused)
        return render(request, "sellers/open.html", _opening(form), status=422)
    return redirect("sell-home")


def _opening(form: SellerForm) -> dict[str, Any]:
    return {"form": form, "terms_date": terms_date()}


def _listings(request: HttpRequest, seller: Seller, **more: Any) -> HttpResponse:
    site = this_site()
    rows, edges = _page(seller, request.GET)
    drafts = [_draft(sheet, site) for sheet in seller.worksheets.order_by("-changed_at")]
    told = unseen(seller.pk)
    context = {
        "seller": seller,
        "rows": rows,
        "edges": edges,
        "drafts": drafts,
        "notices": told,
        "agreed": agreement_of(seller) is not None,
        **more,
    }
    return render(request, "sellers/home.html", context, status=422 if more else 200)


def _page(seller: Seller, asked: Mapping[str, str]) -> tuple[list[Row], dict[str, str]]:
    """The listings of one page, newest first, and where those before and after them are."""
    before, after = read_id(asked.get("before", "")), read_id(asked.get("after", ""))
    known = seller.listings.select_related("seller", "live_revision", "proposed_revision")
    page = page_in(known, LISTINGS_SHOWN_MAX, older_than=before, newer_than=after)
    here = reverse("sell-home")  # the list is shown elsewhere, too, when something is refused
    edges = {
        "newer": f"{here}?after={page.newer}" if page.newer else "",
        "older": f"{here}?before={page.older}" if page.older else "",
    }
    return [row(listing) for listing in page.rows], edges


def row(listing: Listing) -> Row:
    """A listing as the list shows it."""
    revision = listing.live_revision or listing.proposed_revision
    assert revision is not None or listing.state == Listing.State.RETIRED
    terms: dict[str, Any] = revision.terms if revision else {"title": listing.slug, "prices": []}
    prices = [Amount.of(p["network"], p["asset"], int(p["amount"])) for p in terms["prices"]]
    word = str(Listing.State(listing.state).label).lower()
    return Row(listing, terms["title"], word, TONES[listing.state], prices, _note(listing))


def _note(listing: Listing) -> str:
    if listing.state == Listing.State.SUSPENDED:
        return f"The marketplace stopped it: {listing.reason}"
    if listing.submitted_at and listing.live_revision:
        return "A change is in review; what is live stays as it is."
    if listing.submitted_at:
        return "Submitted; a moderator looks at it."
    if not listing.reason:
        return ""
    asked = last_word(listing) == Verdict.Kind.ASK
    return f"{'Changes are asked for' if asked else 'Refused'}: {listing.reason}"


def _draft(sheet: Worksheet, site: Any) -> dict[str, Any]:
    step = first_unfinished(sheet, site)
    title = BY_SLUG[step].title if step in BY_SLUG else "Check and submit"
    return {"sheet": sheet, "step": step, "next": title, "dialog": f"throw-away-{sheet.pk}"}


@seller_only
@require_POST
def start(request: HttpRequest, seller: Seller) -> HttpResponse:
    """A new draft, with the address when it was typed already."""
    try:
        sheet = worksheets.start(seller, typed_in(EndpointForm(), request.POST))
    except ListingRefused as refused:
        return _listings(request, seller, refused=refused.message)
    return redirect("sell-step", sheet.pk, "endpoint")
