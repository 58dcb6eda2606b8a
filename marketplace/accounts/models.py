"""Who signs in here, and accounts that are to go."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q

from payments.x402.networks import ADDRESS_PATTERN


class Wallet(models.Model):
    """An address that somebody proved to be theirs: to sign in with, or to pay only."""

    address = models.CharField(max_length=42, unique=True)  # as wallets show it
    # Empty for a wallet with a key of its own. A contract counts on its own chain only.
    network = models.CharField(max_length=40, blank=True)
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="wallets"
    )
    linked_at = models.DateTimeField()
    pays_only = models.BooleanField(db_default=False)  # an agent's, say: it opens nothing

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(address__regex=ADDRESS_PATTERN), name="wallet_address"
            ),
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


class ResetRequest(models.Model):
    """A way back in that somebody asked for; written down whether or not there is an account."""

    email = models.EmailField()
    next_check_at = models.DateTimeField(db_index=True)
    tries = models.IntegerField(default=0)


class ConfirmedMail(models.Model):
    """The address whose letters somebody showed to get; another one counts for nothing."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="mail"
    )
    email = models.EmailField()
    since = models.DateTimeField()


class ConfirmRequest(models.Model):
    """A letter that asks whether an address is somebody's, until it is sent."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    email = models.EmailField()
    next_check_at = models.DateTimeField(db_index=True)
    tries = models.IntegerField(default=0)


class Letter(models.Model):
    """Something that somebody wants to be told by mail, until it is sent."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    subject = models.TextField()
    text = models.TextField()
    next_check_at = models.DateTimeField(db_index=True)
    tries = models.IntegerField(default=0)


class DutyLetter(models.Model):
    """Whether whoever judges or runs the site is told by mail what waits, and when it was last."""

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, primary_key=True, related_name="+"
    )
    wanted = models.BooleanField(default=True, db_default=True)
    written_at = models.DateTimeField(null=True)


class Erasure(models.Model):
    """An account that is to go: the row is the job, and stays to say that it was done."""

    # The number that it had goes on naming it, wherever that is written down; it names nobody.
    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, primary_key=True, related_name="erasure"
    )
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()  # until then it can be taken back
    next_check_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = (
            models.CheckConstraint(
                condition=Q(done_at__isnull=True, next_check_at__isnull=False)
                | Q(done_at__isnull=False, started_at__isnull=False, next_check_at__isnull=True),
                name="erasure_waits_or_is_done",
            ),
        )
        indexes = (
            models.Index(
                fields=("next_check_at",),
                condition=Q(next_check_at__isnull=False),
                name="erasure_due",
            ),
        )
