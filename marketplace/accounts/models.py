"""Who signs in here: wallets, sessions, second factors, and what is counted against guessing."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q

ADDRESS = r"^0x[0-9a-fA-F]{40}$"


class Wallet(models.Model):
    """An address that somebody proved to be theirs, and can sign in with."""

    address = models.CharField(max_length=42, unique=True)  # as wallets show it
    # Empty for a wallet with a key of its own. A contract counts on its own chain only.
    network = models.CharField(max_length=40, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="wallets"
    )
    linked_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(address__regex=ADDRESS), name="wallet_address"),
        )


class Session(AbstractBaseSession):
    """A browser that visits; whose it is stands beside it, so that all of somebody's can end."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, null=True, related_name="sessions"
    )

    @classmethod
    def get_session_store_class(cls) -> Any:
        from marketplace.accounts.sessions import SessionStore

        return SessionStore


class SecondFactor(models.Model):
    """What makes somebody's codes (TOTP), sealed; the last code used, for none counts twice."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="factor"
    )
    sealed = models.BinaryField()
    last_step = models.BigIntegerField()
    since = models.DateTimeField()


class RecoveryCode(models.Model):
    """A code on paper for the day the phone is gone; only its hash is kept."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="recovery_codes"
    )
    hash = models.BinaryField(max_length=32)
    used_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (models.UniqueConstraint(fields=("user", "hash"), name="recoverycode_once"),)


class Tries(models.Model):
    """How often something was tried: a name, a network, a code. Neither can be read from it."""

    key = models.BinaryField(max_length=32, primary_key=True)
    count = models.IntegerField()
    until = models.DateTimeField(db_index=True)


class ResetRequest(models.Model):
    """A way back in that somebody asked for; written down whether or not there is an account."""

    email = models.EmailField()
    next_check_at = models.DateTimeField(db_index=True)
    tries = models.IntegerField(default=0)
