"""`/api/limits/<wallet>`: what a wallet may still spend, told to that wallet alone."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from payments.counter import counter
from payments.limits.telling import tell
from payments.serving.cross_origin import asked_from_anywhere
from payments.wallets.proof import WALLET_HEADER
from payments.wiring.site import origin_of


@asked_from_anywhere("GET", headers=(WALLET_HEADER,))
@require_safe
async def limits(request: HttpRequest, wallet: str) -> HttpResponse:
    """The owner's rules and what is left of each sum, to an agent that signs for its wallet."""
    site = await counter()
    told = await tell(
        site.pool,
        site.chains,
        wallet=wallet,
        network=request.GET.get("network", ""),
        proof=request.headers.get(WALLET_HEADER),
        origin=origin_of(request),
    )
    response = JsonResponse(told.document, status=told.status)
    response["Cache-Control"] = "no-store"
    if told.retry_seconds:
        response["Retry-After"] = str(told.retry_seconds)
    if told.status == 401:
        response["WWW-Authenticate"] = f'{WALLET_HEADER} realm="{told.payer}"'
    return response
