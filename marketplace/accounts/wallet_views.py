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

from marketplace.access import person, signed_in, signed_in_lately
from marketplace.accounts import linking, sessions, throttle
from marketplace.accounts.entrance import back_of, enter
from marketplace.accounts.views import TOO_MANY_ACCOUNTS
from payments.wallets import CannotAsk, NotProven, Proof, Purpose, challenge, proven

UNPROVEN = "This signature does not prove the wallet. Ask for a new text and sign that."
SILENT = "The wallet is a contract, and its chain does not answer just now. Try again in a minute."
NO_ADDRESS = "The wallet gave no address."
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
    return JsonResponse({"next": enter(request, user, back_of(request))})


@never_cache
@signed_in
@require_POST
def ask_to_link(request: HttpRequest) -> HttpResponse:
    """The text that a wallet signs to open this account as well."""
    return _asked(request, Purpose.LINK, linking.subject(person(request)))


@never_cache
@signed_in_lately
@require_POST
def link(request: HttpRequest) -> HttpResponse:
    """Link one more wallet."""
    user = person(request)
    proof = _shown(request, Purpose.LINK, linking.subject(user))
    if isinstance(proof, HttpResponse):
        return proof
    try:
        linking.link(user, proof)
    except NotProven:
        return _refused(UNPROVEN)
    except linking.OtherAccount:
        return _refused("This wallet opens another account. Unlink it there first.")
    messages.success(request, "The wallet is linked.")
    return JsonResponse({"next": reverse("account-home")})


@signed_in_lately
@require_POST
def unlink(request: HttpRequest) -> HttpResponse:
    """Unlink a wallet; whoever holds it is signed out in every other browser."""
    user = person(request)
    try:
        linking.unlink(user, request.POST.get("address", ""))
    except linking.LastWayIn:
        messages.error(request, "This is your last way in. Set a password or link a wallet first.")
        return redirect("account-home")
    sessions.end_all(user, but=request.session.session_key)
    messages.success(request, "The wallet is unlinked. Every other browser is signed out.")
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
