"""What the worker does for the catalog."""

from __future__ import annotations

from celery import shared_task
from django.utils import timezone

from marketplace.catalog import built
from marketplace.catalog.documents.market import this_market


@shared_task
def build_documents() -> None:
    """Build the documents of the whole site anew when what is for sale has changed."""
    built.build(this_market(), timezone.now())
