"""What is written down so that nothing is tried too often, or proven twice with the same text."""

from __future__ import annotations

from django.db import models


class UsedNonce(models.Model):
    """A sign-in text that a wallet has answered: it is good for one proof only."""

    nonce = models.BinaryField(max_length=32, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)


class Tries(models.Model):
    """How often something was tried: a name, a network, a key. None can be read from it."""

    key = models.BinaryField(max_length=32, primary_key=True)
    count = models.IntegerField()
    until = models.DateTimeField(db_index=True)

    class Meta:
        db_table = "accounts_tries"  # where it was when only sign-ins were counted
        verbose_name_plural = "tries"
