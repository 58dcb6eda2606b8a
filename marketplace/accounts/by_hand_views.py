"""A wallet that is in no browser signs in or is linked: its text is copied there, and what it
signed is brought back."""

from __future__ import annotations

from typing import Any, Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from marketplace.access import person, signed_in_lately
from marketplace.accounts import linking, wallet_acts
from marketplace.accounts.entrance import back_of
from payments.wallets.linking import Purpose, as_written, challenge
from payments.wiring.networks import networks
from payments.x402.networks import NETWORKS, chain_id_of

NO_ADDRESS: Final = "A wallet's address is 0x and 40 hexadecimal digits."
_METHODS: Final = ["GET", "HEAD", "POST"]
_TYPED: Final = ("address", "network", "text", "signature")


@never_cache
@require_http_methods(_METHODS)
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with a wallet that is somewhere else."""
    if _asks(request):
        return _asked(request, Purpose.SIGN_IN, "")
    try:
        return redirect(wallet_acts.sign_in(request, *_signed(request)))
    except wallet_acts.Refused as refused:
        return _refused(request, Purpose.SIGN_IN, refused)


@never_cache
@signed_in_lately
@require_http_methods(_METHODS)
def link(request: HttpRequest, *, pays_only: bool = False) -> HttpResponse:
    """Link a wallet that is somewhere else: to sign in with, or to pay only."""
    purpose = wallet_acts.purpose(pays_only)
    if _asks(request):
        return _asked(request, purpose, linking.subject(person(request)))
    try:
        wallet_acts.link(request, *_signed(request), pays_only=pays_only)
    except wallet_acts.Refused as refused:
        return _refused(request, purpose, refused)
    return redirect("account-home")


def _asks(request: HttpRequest) -> bool:
    """Whether nothing was signed yet."""
    return request.method != "POST" or request.POST.get("action") == "question"


def _signed(request: HttpRequest) -> tuple[str, str]:
    text, signature = request.POST.get("text", ""), request.POST.get("signature", "")
    return as_written(text), signature.strip()


def _asked(request: HttpRequest, purpose: Purpose, subject: str) -> HttpResponse:
    """The page, with the text to sign once it is known for which wallet."""
    if request.method != "POST":
        return _page(request, purpose, {})
    typed = {name: request.POST.get(name, "") for name in ("address", "network")}
    network = typed["network"] if typed["network"] in networks() else ""
    chain_id = chain_id_of(network) if network else None
    try:
        text = challenge(purpose, typed["address"].strip(), subject=subject, chain_id=chain_id)
    except ValueError:
        return _page(request, purpose, {**typed, "trouble": NO_ADDRESS}, 422)
    return _page(request, purpose, {**typed, "text": text})


def _refused(request: HttpRequest, purpose: Purpose, refused: wallet_acts.Refused) -> HttpResponse:
    typed = {name: request.POST.get(name, "") for name in _TYPED}
    return _page(request, purpose, {**typed, "trouble": refused.words}, refused.status)


def _page(
    request: HttpRequest, purpose: Purpose, typed: dict[str, str], status: int = 200
) -> HttpResponse:
    context: dict[str, Any] = {
        "purpose": purpose.name,
        "word": "Sign in" if purpose is Purpose.SIGN_IN else "Link the wallet",
        "next": back_of(request),
        "networks": [(each, NETWORKS[each].name) for each in networks()],
        **typed,
    }
    return render(request, "accounts/by_hand.html", context, status=status)
