"""When the ledger was last compared with the chain, and what that came to."""

from __future__ import annotations

from django.db import models

from payments.models.fields import atomic_field


class Reconciliation(models.Model):
    """The last comparison of one token of one network."""

    pk = models.CompositePrimaryKey("network", "asset")
    network = models.TextField()
    asset = models.TextField()
    at = models.DateTimeField()
    from_block = models.BigIntegerField()
    to_block = models.BigIntegerField()
    booked = models.BigIntegerField()
    differences = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.differences} differences in {self.asset} on {self.network}"


class LostPayment(models.Model):
    """A payment that our relayer settled and that was lost with a database: the chain's facts."""

    pk = models.CompositePrimaryKey("network", "asset", "payer", "nonce")
    network = models.TextField()
    asset = models.TextField()
    payer = models.TextField()
    nonce = models.BinaryField(max_length=32)
    pay_to = models.TextField()
    amount_atomic = atomic_field()
    transaction = models.BinaryField(max_length=32)
    block_number = models.BigIntegerField()
    noted_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.amount_atomic} from {self.payer} to {self.pay_to}"
