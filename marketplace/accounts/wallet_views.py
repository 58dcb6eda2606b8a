"""Wallets: the text to sign, signing in with it, linking another wallet and letting one go."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from marketplace.access import acting, person, signed_in, signed_in_lately
from marketplace.accounts import linking, sessions, wallet_acts
from marketplace.accounts.entrance import came_by
from payments.wallets.linking import Purpose, challenge

NO_ADDRESS = "The wallet gave no address."
LAST_WAY = "This is your last way in. Set a password or link a wallet first."
CHAIN_DIGITS_MAX = 19


@never_cache
@require_POST
def ask(request: HttpRequest) -> HttpResponse:
    """The text that a wallet signs to sign in."""
    return _asked(request, Purpose.SIGN_IN, "")


@never_cache
@require_POST
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with a wallet; one that nobody has seen makes an account."""
    try:
        return JsonResponse({"next": wallet_acts.sign_in(request, *_signed(request))})
    except wallet_acts.Refused as refused:
        return _refused(refused.words, refused.status)


@signed_in
@require_POST
def ask_to_link(request: HttpRequest, *, pays_only: bool = False) -> HttpResponse:
    """The text that a wallet signs to open this account as well, or to pay for it only."""
    return _asked(request, wallet_acts.purpose(pays_only), linking.subject(person(request)))


@signed_in_lately
@require_POST
def link(request: HttpRequest, *, pays_only: bool = False) -> HttpResponse:
    """Link one more wallet: to sign in with, or to pay only."""
    try:
        wallet_acts.link(request, *_signed(request), pays_only=pays_only)
    except wallet_acts.Refused as refused:
        return _refused(refused.words, refused.status)
    return JsonResponse({"next": reverse("account-home")})


@signed_in_lately
@require_POST
def unlink(request: HttpRequest) -> HttpResponse:
    """Unlink a wallet; whoever holds it is signed out in every other browser."""
    user = person(request)
    try:
        linking.unlink(user, request.POST.get("address", ""), by=acting(request))
    except linking.LastWayIn:
        messages.error(request, LAST_WAY)
        return redirect("account-home")
    sessions.end_all(user, but=request.session.session_key)
    messages.success(request, "The wallet is unlinked. Every other browser is signed out.")
    return redirect("account-home")


@signed_in_lately
@require_POST
def set_entry(request: HttpRequest) -> HttpResponse:
    """Let a wallet pay only, or sign in too; one that only pays is signed out everywhere."""
    user, address = person(request), request.POST.get("address", "")
    pays_only = request.POST.get("pays_only") == "yes"
    if pays_only and came_by(request, address):
        messages.error(request, "You signed in with this wallet. Sign in another way, then do it.")
        return redirect("account-home")
    try:
        changed = linking.set_pays_only(user, address, pays_only, by=acting(request))
    except linking.LastWayIn:
        messages.error(request, LAST_WAY)
        return redirect("account-home")
    if changed and pays_only:
        sessions.end_all(user, but=request.session.session_key)
        messages.success(request, "The wallet only pays now. Every other browser is signed out.")
    elif changed:
        messages.success(request, "The wallet can sign in here.")
    return redirect("account-home")


def _asked(request: HttpRequest, purpose: Purpose, subject: str) -> HttpResponse:
    chain = request.POST.get("chain", "")
    known = chain.isascii() and chain.isdigit() and len(chain) <= CHAIN_DIGITS_MAX
    address = request.POST.get("address", "")
    try:
        text = challenge(purpose, address, subject=subject, chain_id=int(chain) if known else None)
    except ValueError:
        return _refused(NO_ADDRESS)
    return JsonResponse({"text": text})


def _signed(request: HttpRequest) -> tuple[str, str]:
    return request.POST.get("text", ""), request.POST.get("signature", "")


def _refused(words: str, status: int = 422) -> JsonResponse:
    return JsonResponse({"error": words}, status=status)
