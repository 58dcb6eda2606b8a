"""Play money for a visitor without a wallet: on the demo chain, a little at a time, so often."""

from __future__ import annotations

from typing import Final

from django.conf import settings
from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST

from marketplace.accounts import throttle
from marketplace.embedded import rpc
from marketplace.embedded.anvil import ChainError
from marketplace.embedded.chain import DOLLAR, ONE_DOLLAR, fund
from payments.x402.networks import ADDRESS, address_bytes, checksum

FILLED_ATOMIC: Final = 10 * ONE_DOLLAR
ENOUGH_ATOMIC: Final = 5 * ONE_DOLLAR  # whoever still has so much gets nothing
_TOO_OFTEN: Final = "Too many demo wallets were filled. Wait a quarter of an hour."


@require_POST
@never_cache
def fill(request: HttpRequest) -> JsonResponse:
    """Fill a wallet of the demo chain, if it is nearly empty; says what it holds afterwards."""
    if not settings.DEMO_CHAIN_RPC:
        raise Http404
    address = request.POST.get("address", "")
    if not ADDRESS.fullmatch(address):
        return _refused(400, "bad_address", "An address is 0x and 40 hexadecimal digits.")
    try:
        holds = _balance(address)
        if holds < ENOUGH_ATOMIC:
            if not throttle.may_be_filled(request):
                return _refused(429, "too_often", _TOO_OFTEN)
            fund(settings.DEMO_CHAIN_RPC, address, FILLED_ATOMIC - holds, 0)
            holds = FILLED_ATOMIC
    except (ChainError, rpc.NodeSilentError, rpc.NodeRefusedError, ValueError):
        return _refused(503, "no_chain", "The demo chain does not answer. Try again in a moment.")
    return JsonResponse({"address": checksum(address_bytes(address)), "balance": str(holds)})


def _balance(address: str) -> int:
    """What a wallet holds in demo dollars, in millionths."""
    question = {"to": DOLLAR, "data": f"0x70a08231{int(address, 16):064x}"}  # balanceOf(address)
    return int(rpc.call(settings.DEMO_CHAIN_RPC, "eth_call", question, "latest"), 16)


def _refused(status: int, error: str, detail: str) -> JsonResponse:
    return JsonResponse({"error": error, "detail": detail}, status=status)
