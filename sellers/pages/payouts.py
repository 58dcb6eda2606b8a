"""The wallets a seller is paid into: prove one by a signature, take one back at once."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_http_methods, require_POST

from payments.x402.networks import NETWORKS
from sellers import payout_ends
from sellers.models import Listing, Payout, Price, Seller
from sellers.pages.own import acting, seller_only
from sellers.payouts.payouts import prove, question, standing
from sellers.refusals import ListingRefused
from sellers.site import this_site

_TYPED = ("address", "network", "text", "signature")


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def payouts(request: HttpRequest, seller: Seller) -> HttpResponse:
    """The proven wallets, and the two steps to prove another one by hand."""
    if request.method != "POST":
        return _shown(request, seller)
    posted = request.POST
    try:
        if posted.get("action") == "question":
            address, network = posted.get("address", ""), posted.get("network", "")
            text = question(seller, address, _network(network))
            return _shown(request, seller, text=text, address=address, network=network)
        said = (posted.get("text", ""), posted.get("signature", ""))
        proven = prove(seller, *said, by=acting(request))
    except ListingRefused as refused:
        kept = {name: posted.get(name, "") for name in _TYPED}
        return _shown(request, seller, refused=refused, status=422, **kept)
    messages.success(request, f"{proven.address} is proven to be yours.")
    return redirect(_next(request))


@seller_only
@require_POST
def ask(request: HttpRequest, seller: Seller) -> HttpResponse:
    """The text to sign, for the page's own script, which has a wallet at hand."""
    try:
        text = question(
            seller, request.POST.get("address", ""), _network(request.POST.get("network", ""))
        )
    except ListingRefused as refused:
        return JsonResponse({"error": refused.message}, status=422)
    return JsonResponse({"text": text})


@seller_only
@require_POST
def revoke(request: HttpRequest, seller: Seller) -> HttpResponse:
    """Take a wallet back: whatever pays into it stops at once."""
    address = request.POST.get("address", "")
    if not any(each.address == address for each in standing(seller)):
        messages.error(request, "No wallet of yours is proven at that address.")
        return redirect("sell-payouts")
    stopped = len(payout_ends.revoke(address, seller, by=acting(request)))
    word = f" {stopped} listing{' is' if stopped == 1 else 's are'} paused." if stopped else ""
    messages.success(request, f"{address} is paid no more.{word}")
    return redirect("sell-payouts")


def prove_context(seller: Seller, next_path: str = "") -> dict[str, Any]:
    """What the form that proves a wallet needs, on whatever page it stands."""
    networks = dict.fromkeys(each.asset.network for each in this_site().accepted)
    return {
        "payouts": standing(seller),
        "prove_next": next_path,
        "prove_networks": [(network, NETWORKS[network].name) for network in networks],
    }


def _shown(request: HttpRequest, seller: Seller, status: int = 200, **more: Any) -> HttpResponse:
    wanted = request.POST.get("next", request.GET.get("next", ""))
    paid = _paid(seller)
    context = {
        "seller": seller,
        **prove_context(seller, wanted if _is_ours(wanted) else ""),
        "rows": [_row(each, paid) for each in standing(seller)],
        "cooldown_hours": this_site().payout_cooldown_seconds // 3600,
        **more,
    }
    return render(request, "sellers/payouts.html", context, status=status)


def _paid(seller: Seller) -> set[tuple[str, str, UUID]]:
    """Into which wallet, on which network, each listing that sells now is paid."""
    selling = Listing.objects.filter(seller=seller, state=Listing.State.LIVE)
    prices = Price.objects.filter(revision__in=selling.values("live_revision"))
    return set(prices.values_list("pay_to", "network", "revision__listing_id"))


def _row(payout: Payout, paid: set[tuple[str, str, UUID]]) -> dict[str, Any]:
    """A wallet, how many listings its proof stands for, and whether taking it back stops any.

    A wallet is taken back on all networks at once, though a contract is proven on one alone.
    """
    into = [(network, listing) for address, network, listing in paid if address == payout.address]
    proven = {listing for network, listing in into if payout.counts_on(network)}
    return {"payout": payout, "pays": len(proven), "stops": bool(into)}


def _network(text: str) -> str:
    known = {each.asset.network for each in this_site().accepted}
    return text if text in known else ""


def _next(request: HttpRequest) -> str:
    wanted = request.POST.get("next", "")
    return wanted if _is_ours(wanted) else "sell-payouts"


def _is_ours(path: str) -> bool:
    return path.startswith("/sell/") and url_has_allowed_host_and_scheme(path, allowed_hosts=None)
