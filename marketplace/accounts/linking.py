"""Wallets and the accounts they open: an unknown one makes an account, the last way in stays."""

from __future__ import annotations

import re
import secrets

from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from marketplace.accounts.models import Wallet
from payments.audit_log import user as audited
from payments.limit_groups import leave_group
from payments.wallets import NotProven, Proof, burn

_PLAIN_NAME = re.compile(r"[A-Za-z0-9._@+-]{1,150}")


class OtherAccount(Exception):
    """The wallet opens another account."""


class LastWayIn(Exception):
    """Without this wallet nobody could sign in to the account any more."""


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
        return wallet.user


def link(user: User, proof: Proof) -> None:
    """Let this wallet open the account as well. Uses the proof up."""
    with transaction.atomic():
        burn(proof)
        wallet, is_new = Wallet.objects.get_or_create(
            address=proof.address,
            defaults={"user": user, "network": proof.network, "linked_at": timezone.now()},
        )
        if wallet.user_id != user.pk:
            raise OtherAccount
        if not is_new and not _is_same(wallet, proof):
            raise NotProven


def unlink(user: User, address: str) -> None:
    """Let this wallet open the account no more."""
    with transaction.atomic():
        # The account's row, so that of two wallets unlinked at once one stays.
        held = User.objects.select_for_update().get(pk=user.pk)
        wallets = Wallet.objects.filter(user=held)
        if wallets.filter(address=address).exists() and ways_in(held) == 1:
            raise LastWayIn
        if wallets.filter(address=address).delete()[0]:
            leave_group(address, by=audited(user.pk))


def ways_in(user: User) -> int:
    """In how many ways this person can sign in."""
    return Wallet.objects.filter(user=user).count() + user.has_usable_password()


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
