"""What a wallet's signature does to an account, whichever page it was shown on.

Whatever is wrong with a signature, the answer is the same.
"""

from __future__ import annotations

from typing import Final

from django.contrib import messages
from django.http import HttpRequest

from marketplace.access import acting, person
from marketplace.accounts import linking, throttle
from marketplace.accounts.entrance import back_of, enter
from payments.wallets.linking import CannotAsk, NotProven, Proof, Purpose, proven

UNPROVEN: Final = "This signature does not prove the wallet. Ask for a new text and sign that."
SILENT: Final = (
    "The wallet is a contract, and its chain does not answer just now. Try again in a minute."
)
PAYS_ONLY: Final = (
    "This wallet is linked to an account to pay only, so it does not sign in."
    " Sign in to that account another way; its page can let this wallet in."
)
OTHER_ACCOUNT: Final = "This wallet is linked to another account. Unlink it there first."
OTHERWISE: Final = (
    "This wallet is linked already. What it may do is changed beside it, in the list."
)


class Refused(Exception):
    """Nothing was done, and this is what to say of it."""

    def __init__(self, words: str, status: int = 422) -> None:
        super().__init__(words)
        self.words, self.status = words, status


def sign_in(request: HttpRequest, text: str, signature: str) -> str:
    """Sign in with a wallet; one that nobody has seen makes an account. Returns where to go."""
    proof = _proof(request, text, signature, Purpose.SIGN_IN, "")
    if not linking.is_known(proof) and not throttle.may_sign_up(request):
        raise Refused(throttle.TOO_MANY_ACCOUNTS, 429)
    try:
        user = linking.owner_of(proof)
    except NotProven:
        raise Refused(UNPROVEN) from None
    except linking.PaysOnly:
        raise Refused(PAYS_ONLY, 403) from None
    return enter(request, user, back_of(request), wallet=proof.address)


def link(request: HttpRequest, text: str, signature: str, *, pays_only: bool) -> None:
    """Link one more wallet to the account: to sign in with, or to pay only."""
    user = person(request)
    proof = _proof(request, text, signature, purpose(pays_only), linking.subject(user))
    try:
        linking.link(user, proof, pays_only=pays_only, by=acting(request))
    except NotProven:
        raise Refused(UNPROVEN) from None
    except linking.OtherAccount:
        raise Refused(OTHER_ACCOUNT) from None
    except linking.LinkedOtherwise:
        raise Refused(OTHERWISE) from None
    said = "The wallet is linked, to pay only." if pays_only else "The wallet is linked."
    messages.success(request, said)


def purpose(pays_only: bool) -> Purpose:
    """What is signed to link a wallet."""
    return Purpose.LINK_TO_PAY if pays_only else Purpose.LINK


def _proof(
    request: HttpRequest, text: str, signature: str, purpose: Purpose, subject: str
) -> Proof:
    if not throttle.may_show_proof(request):
        raise Refused(throttle.TOO_OFTEN, 429)
    try:
        return proven(text, signature, purpose, subject=subject)
    except NotProven:
        raise Refused(UNPROVEN) from None
    except CannotAsk:
        raise Refused(SILENT, 503) from None
