"""Drafts as the API shows them. The values of secret headers are in none of these."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404

from payments.wiring.site import public_url
from sellers.api.documents import stamp
from sellers.drafting import worksheets
from sellers.drafting.draft_fields import shown
from sellers.drafting.steps import STEPS, lacks, missing_secrets
from sellers.models import Seller, Worksheet
from sellers.site import Site


def own_sheet(seller: Seller, worksheet_id: UUID) -> Worksheet:
    """The seller's own draft; of others not even that they exist."""
    found = worksheets.find(seller, worksheet_id)
    if found is None:
        raise Http404
    return found


def draft_row(sheet: Worksheet) -> dict[str, Any]:
    """What one glance wants to know of a draft."""
    return {
        "id": str(sheet.pk),
        "listing": str(sheet.listing_id) if sheet.of_listing else None,
        "title": str(sheet.typed.get("title", "")),
        "upstream_url": str(sheet.typed.get("upstream_url", "")),
        "version": sheet.version,
        "created_at": stamp(sheet.created_at),
        "changed_at": stamp(sheet.changed_at),
        "page": public_url(f"/sell/drafts/{sheet.pk}/"),
    }


def draft_document(sheet: Worksheet, site: Site) -> dict[str, Any]:
    """A draft with everything typed, and what it lacks."""
    names, missing = sheet.typed.get("secret_headers", []), missing_secrets(sheet)
    return {
        **draft_row(sheet),
        "typed": shown(sheet.typed, site),
        "secret_headers": [{"name": name, "kept": name not in missing} for name in names],
        "lacks": lacking(sheet, site),
    }


def lacking(sheet: Worksheet, site: Site) -> list[dict[str, str]]:
    """The first thing that each step lacks."""
    return [
        {"step": step.slug, "field": refused.field, "detail": refused.message}
        for step in STEPS
        if (refused := lacks(sheet, step, site)) is not None
    ]
