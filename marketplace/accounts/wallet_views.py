"""Wallets: the text to sign, signing in with it, linking another wallet and letting one go.

Whatever is wrong with a signature, the answer is the same.
"""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from marketplace.access import acting, person, signed_in, signed_in_lately
from marketplace.accounts import linking, sessions, throttle
from marketplace.accounts.entrance import back_of, came_by, enter
from marketplace.accounts.views import TOO_MANY_ACCOUNTS
from payments.wallets import CannotAsk, NotProven, Proof, Purpose, challenge, proven

UNPROVEN = "This signature does not prove the wallet. Ask for a new text and sign that."
SILENT = "The wallet is a contract, and its chain does not answer just now. Try again in a minute."
NO_ADDRESS = "The wallet gave no address."
PAYS_ONLY = (
    "This wallet is linked to an account to pay only, so it does not sign in."
    " Sign in to that account another way; its page can let this wallet in."
)
OTHERWISE = "This wallet is linked already. What it may do is changed beside it, in the list."
LINKED = "The wallet is linked."
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
    proof = _shown(request, Purpose.SIGN_IN, "")
    if isinstance(proof, HttpResponse):
        return proof
    if not linking.is_known(proof) and not throttle.may_sign_up(request):
        return _refused(TOO_MANY_ACCOUNTS, 429)
    try:
        user = linking.owner_of(proof)
    except NotProven:
        return _refused(UNPROVEN)
    except linking.PaysOnly:
        return _refused(PAYS_ONLY, 403)
    return JsonResponse({"next": enter(request, user, back_of(request), wallet=proof.address)})


@signed_in
@require_POST
def ask_to_link(request: HttpRequest, *, pays_only: bool = False) -> HttpResponse:
    """The text that a wallet signs to open this account as well, or to pay for it only."""
    return _asked(request, _purpose(pays_only), linking.subject(person(request)))


@signed_in_lately
@require_POST
def link(request: HttpRequest, *, pays_only: bool = False) -> HttpResponse:
    """Link one more wallet: to sign in with, or to pay only."""
    user = person(request)
    proof = _shown(request, _purpose(pays_only), linking.subject(user))
    if isinstance(proof, HttpResponse):
        return proof
    try:
        linking.link(user, proof, pays_only=pays_only, by=acting(request))
    except NotProven:
        return _refused(UNPROVEN)
    except linking.OtherAccount:
        return _refused("This wallet is linked to another account. Unlink it there first.")
    except linking.LinkedOtherwise:
        return _refused(OTHERWISE)
    messages.success(request, "The wallet is linked, to pay only." if pays_only else LINKED)
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


def _purpose(pays_only: bool) -> Purpose:
    return Purpose.LINK_TO_PAY if pays_only else Purpose.LINK


def _asked(request: HttpRequest, purpose: Purpose, subject: str) -> HttpResponse:
    chain = request.POST.get("chain", "")
    known = chain.isascii() and chain.isdigit() and len(chain) <= CHAIN_DIGITS_MAX
    address = request.POST.get("address", "")
    try:
        text = challenge(purpose, address, subject=subject, chain_id=int(chain) if known else None)
    except ValueError:
        return _refused(NO_ADDRESS)
    return JsonResponse({"text": text})


def _shown(request: HttpRequest, purpose: Purpose, subject: str) -> Proof | HttpResponse:
    """The proof in a request, or why there is none."""
    if not throttle.may_show_proof(request):
        return _refused(throttle.TOO_OFTEN, 429)
    text, signature = request.POST.get("text", ""), request.POST.get("signature", "")
    try:
        return proven(text, signature, purpose, subject=subject)
    except NotProven:
        return _refused(UNPROVEN)
    except CannotAsk:
        return _refused(SILENT, 503)


def _refused(words: str, status: int = 422) -> JsonResponse:
    return JsonResponse({"error": words}, status=status)
