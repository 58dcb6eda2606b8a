"""What sellers answered, or began to: the facts for good, the bytes for some days."""

from __future__ import annotations

from django.db import models

from payments.models.payment import Payment


class Answer(models.Model):
    """What the seller answered: its facts for good, its body until `keep_until`."""

    payment = models.OneToOneField(
        Payment, on_delete=models.PROTECT, primary_key=True, db_constraint=False
    )
    stored_at = models.DateTimeField()
    keep_until = models.DateField()
    status = models.SmallIntegerField()
    headers = models.JSONField()
    content_type = models.TextField()
    body_bytes = models.BigIntegerField()
    body_hash = models.BinaryField(max_length=32)
    upstream_ms = models.IntegerField()


class AnswerBody(models.Model):
    """An answer's bytes, dropped a day at a time."""

    pk = models.CompositePrimaryKey("payment_id", "keep_until")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, db_constraint=False)
    keep_until = models.DateField()
    body = models.BinaryField()

    class Meta:
        managed = False  # partitioned by day; see the first migration
        db_table = "payments_answerbody"


class StreamPart(models.Model):
    """Some of what passed of a stream, written while it passed; gone once it is stored whole."""

    pk = models.CompositePrimaryKey("payment_id", "keep_until", "attempt", "number")
    payment = models.ForeignKey(Payment, on_delete=models.PROTECT, db_constraint=False)
    keep_until = models.DateField()
    attempt = models.SmallIntegerField()
    number = models.IntegerField()
    content_type = models.TextField()
    content_encoding = models.TextField()
    body = models.BinaryField()

    class Meta:
        managed = False  # partitioned by day, as bodies are
        db_table = "payments_streampart"
