"""What the worker last saw of a network and of itself."""

from __future__ import annotations

from django.db import models


class ChainHealth(models.Model):
    """What the settler last saw of a network, and why new calls are refused, if they are."""

    network = models.TextField(primary_key=True)
    head_number = models.BigIntegerField()
    head_hash = models.BinaryField(max_length=32)
    head_time = models.DateTimeField()
    seen_at = models.DateTimeField()
    refusing_why = models.TextField(default="")

    class Meta:
        verbose_name_plural = "chain health"


class Heartbeat(models.Model):
    """When a part of the worker was last seen alive."""

    name = models.TextField(primary_key=True)
    at = models.DateTimeField()
