"""Payout wallets over the API: ask for the text, sign it, show it; take a wallet back at once."""

from __future__ import annotations

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sellers import payout_ends
from sellers.api.access import acting, endpoint, seller_of_key
from sellers.api.schema import says
from sellers.api.shapes.base import checked
from sellers.api.shapes.payouts import (
    PayoutAsk,
    PayoutProof,
    PayoutProven,
    PayoutQuestion,
    PayoutRevoke,
    PayoutRevoked,
)
from sellers.payouts import payouts
from sellers.refusals import bad
from sellers.site import this_site


@extend_schema(
    operation_id="ask_payout",
    summary="Ask for the text that proves a wallet",
    description="The wallet signs it as a message (EIP-191); send both to /payouts/prove. It is"
    " good once, for some minutes, for this seller alone.",
    request=PayoutAsk,
    responses=says(PayoutQuestion),
)
@endpoint(POST="payouts:write")
def ask(request: Request) -> Response:
    """What a wallet has to sign."""
    said = checked(PayoutAsk, request.data)
    network = said["network"]
    if network and network not in {each.asset.network for each in this_site().accepted}:
        raise bad("network", "one that is taken here, or none")
    return Response({"text": payouts.question(seller_of_key(request), said["address"], network)})


@extend_schema(
    operation_id="prove_payout",
    summary="Prove a wallet",
    description="Listings may be paid into it from now on; one that is live takes it after the"
    " cool-down, and after review. A second proof changes nothing.",
    request=PayoutProof,
    responses=says(PayoutProven, 201),
)
@endpoint(POST="payouts:write")
def prove(request: Request) -> Response:
    """Show that a wallet is the seller's."""
    said = checked(PayoutProof, request.data)
    proven = payouts.prove(
        seller_of_key(request), said["text"], said["signature"], by=acting(request)
    )
    shown = {
        "pay_to": proven.address,
        "network": proven.network,
        "proven_at": proven.proven_at,
    }
    return Response(shown, status=201)


@extend_schema(
    operation_id="revoke_payout",
    summary="Take a wallet back",
    description="Whatever pays into it stops at once; there is no way back but a new proof.",
    request=PayoutRevoke,
    responses=says(PayoutRevoked),
)
@endpoint(POST="payouts:write")
def revoke(request: Request) -> Response:
    """Pay into it no more."""
    seller = seller_of_key(request)
    address = checked(PayoutRevoke, request.data)["pay_to"]
    if not any(each.address == address for each in payouts.standing(seller)):
        raise Http404
    stopped = payout_ends.revoke(address, seller, by=acting(request))
    return Response({"pay_to": address, "paused": sorted(each.slug for each in stopped)})
