"""Headers that only a listing's upstream gets to see: those of live calls, and those to come.

Only `sellers.upstream_secrets` writes these.
"""

from __future__ import annotations

from django.db import models


class UpstreamSecret(models.Model):
    """A header that is added to calls of a listing's upstream; its value is stored encrypted."""

    listing = models.ForeignKey("sellers.Listing", on_delete=models.PROTECT, related_name="secrets")
    name = models.TextField()
    sealed = models.BinaryField()
    changed_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("listing", "name"), name="upstreamsecret_once"),
        )

    def __str__(self) -> str:
        return self.name


class ProposedSecret(models.Model):
    """A value that waits beside a proposal; calls carry it once that is approved."""

    revision = models.ForeignKey(
        "sellers.Revision", on_delete=models.PROTECT, related_name="secrets"
    )
    name = models.TextField()
    sealed = models.BinaryField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=("revision", "name"), name="proposedsecret_once"),
        )

    def __str__(self) -> str:
        return self.name
