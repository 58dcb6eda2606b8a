"""Wallets and the accounts they open: an unknown one makes an account, the last way in stays.

A wallet that pays only opens nothing: what it pays and may pay is its account's to see and to say.
"""

from __future__ import annotations

import re
import secrets

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from marketplace.accounts.models import Wallet
from payments.audit_log import SYSTEM, record
from payments.audit_log import user as audited
from payments.limits.groups import leave_group
from payments.wallets.linking import NotProven, Proof, burn

_PLAIN_NAME = re.compile(r"[A-Za-z0-9._@+-]{1,150}")


class OtherAccount(Exception):
    """The wallet opens another account."""


class LinkedOtherwise(Exception):
    """The wallet is linked to this account already, for something else."""


class LastWayIn(Exception):
    """Without this wallet nobody could sign in to the account any more."""


class PaysOnly(Exception):
    """The wallet is linked to an account, and does not open it."""


def wallets_of(user_id: int) -> list[tuple[str, str, bool]]:
    """An account's wallets, the first linked first: address, network, and whether it pays only."""
    linked = Wallet.objects.filter(user_id=user_id).order_by("linked_at", "pk")
    return list(linked.values_list("address", "network", "pays_only"))


def subject(user: User) -> str:
    """How an account is named in the text that a wallet signs."""
    return user.username if _PLAIN_NAME.fullmatch(user.username) else f"number-{user.pk}"


def is_known(proof: Proof) -> bool:
    """Whether the wallet opens an account already."""
    return Wallet.objects.filter(address=proof.address).exists()


def owner_of(proof: Proof) -> User:
    """Whose wallet this is; a wallet that nobody has seen makes an account. Uses the proof up."""
    with transaction.atomic():
        burn(proof)
        wallet = Wallet.objects.filter(address=proof.address).select_related("user").first()
        if wallet is None:
            wallet = _open_account(proof)
        if not _is_same(wallet, proof) or not wallet.user.is_active:
            raise NotProven
        if wallet.pays_only:
            raise PaysOnly
        return wallet.user


def link(user: User, proof: Proof, *, pays_only: bool = False, by: str = SYSTEM) -> None:
    """Link this wallet to the account: to open it as well, or to pay only. Uses the proof up."""
    with transaction.atomic():
        burn(proof)
        wallet, is_new = Wallet.objects.get_or_create(
            address=proof.address,
            defaults={
                "user": user,
                "network": proof.network,
                "linked_at": timezone.now(),
                "pays_only": pays_only,
            },
        )
        if wallet.user_id != user.pk:
            raise OtherAccount
        if not is_new and not _is_same(wallet, proof):
            raise NotProven
        if wallet.pays_only != pays_only:
            raise LinkedOtherwise
        if is_new:
            said = {"wallet": wallet.address, "pays_only": pays_only}
            record(by, "account.wallet_linked", audited(user.pk), after=said)


def set_pays_only(user: User, address: str, pays_only: bool, *, by: str = SYSTEM) -> bool:
    """Let a linked wallet only pay, or open the account too; false where nothing changes."""
    with transaction.atomic():
        held = _held(user)
        chosen = Wallet.objects.filter(user=held, address=address, pays_only=not pays_only)
        if pays_only and chosen.exists() and ways_in(held) == 1:
            raise LastWayIn
        if not chosen.update(pays_only=pays_only):
            return False
        said = ({"wallet": address, "pays_only": each} for each in (not pays_only, pays_only))
        before, after = said
        record(by, "account.wallet_changed", audited(user.pk), before=before, after=after)
        return True


def unlink(user: User, address: str, *, by: str = SYSTEM) -> None:
    """Let this wallet go: what it pays is no longer the account's to see."""
    with transaction.atomic():
        held = _held(user)
        wallet = Wallet.objects.filter(user=held, address=address).first()
        if wallet is None:
            return
        if not wallet.pays_only and ways_in(held) == 1:
            raise LastWayIn
        wallet.delete()
        leave_group(address, by=by)
        said = {"wallet": address, "pays_only": wallet.pays_only}
        record(by, "account.wallet_unlinked", audited(user.pk), before=said)


def ways_in(user: User) -> int:
    """In how many ways this person can sign in."""
    opening = Wallet.objects.filter(user=user, pays_only=False)
    return opening.count() + user.has_usable_password()


def _held(user: User) -> User:
    """The account's row, held: of two ways in taken away at once, one stays."""
    return User.objects.select_for_update().get(pk=user.pk)


def _open_account(proof: Proof) -> Wallet:
    """Of two signatures at once, the second waits for the first and finds its account."""
    user = User.objects.create_user(f"wallet-{secrets.token_hex(5)}")
    wallet, is_new = Wallet.objects.get_or_create(
        address=proof.address,
        defaults={"user": user, "network": proof.network, "linked_at": timezone.now()},
    )
    if not is_new:
        user.delete()
    return wallet


def _is_same(wallet: Wallet, proof: Proof) -> bool:
    """Whether the proof is of the wallet that was linked.

    Where a key stands behind an address, any code there was put by the key's holder. A contract's
    address, though, may be somebody else's on another chain.
    """
    if wallet.network in ("", proof.network):
        return True
    if proof.network:
        return False
    Wallet.objects.filter(pk=wallet.pk).update(network="")  # it has a key after all
    return True
