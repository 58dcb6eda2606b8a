"""The test call over the API: a private address for a draft, and what came of the calls to it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from payments.amounts import Amount
from payments.models import OpenOffer
from payments.wiring.site import payment_url
from sellers import previews
from sellers.api.access import endpoint, seller_of_key
from sellers.api.creating import created
from sellers.api.documents import stamp
from sellers.api.schema import REPEATABLE, says
from sellers.api.shapes.checking import PreviewOut, TryOut
from sellers.api.sheets import own_sheet
from sellers.examples import suffix
from sellers.models import Preview, Worksheet
from sellers.on_sale.preview_ends import close_of_listing
from sellers.previews import TestCall
from sellers.site import Site, this_site
from sellers.terms import Terms


@extend_schema(
    methods=["GET"],
    operation_id="preview",
    summary="A draft's test address, and the last calls to it",
    responses=says(TryOut),
)
@extend_schema(
    methods=["POST"],
    operation_id="open_preview",
    summary="Open a test address for a draft",
    description="It answers with exactly what the draft says now, on test networks, to wallets of"
    " yours. An older address of the draft ends.",
    parameters=[REPEATABLE],
    request=None,
    responses=says(PreviewOut, 201),
)
@extend_schema(
    methods=["DELETE"],
    operation_id="close_preview",
    summary="Close a draft's test address",
    responses=says(None, 204),
)
@endpoint(GET="listings:read", POST="listings:write", DELETE="listings:write")
def preview(request: Request, worksheet_id: UUID) -> Response:
    """Try a draft out before anything is published."""
    sheet, site = own_sheet(seller_of_key(request), worksheet_id), this_site()
    if request.method == "POST":
        # The address is kept nowhere in readable form, so a repeated answer does not have it.
        return created(
            request,
            lambda: _preview(previews.open_preview(sheet, site), sheet, site),
            hidden=("url", "example_url"),
        )
    if request.method == "DELETE":
        close_of_listing(sheet.listing_id)
        return Response(status=204)
    found = previews.of_worksheet(sheet)
    calls = [_call(each) for each in previews.calls_of(sheet)]
    return Response({"open": _preview(found, sheet, site) if found else None, "calls": calls})


def _preview(found: Preview, sheet: Worksheet, site: Site) -> dict[str, Any]:
    terms, url = Terms.from_json(found.terms), previews.address_of(found, site)
    return {
        "url": url,
        "example_url": url + suffix(terms.example_input, terms.path_parameters),
        "method": terms.method,
        "expires_at": stamp(found.expires_at),
        "payers": found.payers,
        "prices": [_price(each) for each in previews.prices_of(found)],
        "current": previews.is_current(found, sheet, site),
    }


def _price(price: OpenOffer) -> dict[str, str]:
    amount = Amount.of(price.network, price.asset, int(price.amount_atomic))
    return {
        "amount": amount.text,
        "amount_atomic": str(amount.atomic),
        "network": price.network,
        "asset": price.asset,
        "pay_to": price.pay_to,
    }


def _call(call: TestCall) -> dict[str, Any]:
    return {
        "payment": str(call.payment_id),
        "at": stamp(call.at),
        "revision_hash": call.revision_hash.hex(),
        "state": call.words.key,
        "words": call.words.text,
        "paid": call.is_paid,
        "final": call.is_final,
        "url": payment_url(call.payment_id),
    }
