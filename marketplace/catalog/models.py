"""Documents of the whole site, as the worker built them last."""

from __future__ import annotations

from django.db import models
from django.db.models import Q


class BuiltDocument(models.Model):
    """One document, ready to be sent. Only `marketplace.catalog.built` writes it."""

    path = models.TextField(primary_key=True)  # "/openapi.json"
    content_type = models.TextField()
    body = models.BinaryField()
    etag = models.TextField()
    made_from = models.TextField()  # what it was made of; the same again needs no building
    changed_at = models.DateTimeField()

    class Meta:
        constraints = (
            models.CheckConstraint(condition=Q(path__startswith="/"), name="builtdocument_path"),
        )

    def __str__(self) -> str:
        return self.path
