"""The official Python facilitator as a process: the package's own code behind its three paths.

Its arguments are port, RPC URL, key, network, the token it wants to see, and how many seconds it
waits for a block before it says `settlement_pending`.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from aiohttp import web
from x402 import x402FacilitatorSync
from x402.mechanisms.evm import FacilitatorWeb3Signer
from x402.mechanisms.evm.exact import register_exact_evm_facilitator
from x402.schemas import PaymentPayload, PaymentRequirements


def application(facilitator: x402FacilitatorSync, token: str) -> web.Application:
    async def decide(request: web.Request) -> web.Response:
        if request.headers.get("Authorization") != f"Bearer {token}":
            raise web.HTTPUnauthorized
        document = await request.json()
        payment = PaymentPayload.model_validate(document["paymentPayload"])
        offer = PaymentRequirements.model_validate(document["paymentRequirements"])
        act = facilitator.verify if request.path == "/verify" else facilitator.settle
        return said(await asyncio.to_thread(act, payment, offer))

    async def supported(request: web.Request) -> web.Response:
        return said(facilitator.get_supported())

    app = web.Application()
    app.router.add_post("/verify", decide)
    app.router.add_post("/settle", decide)
    app.router.add_get("/supported", supported)
    return app


def said(answer: Any) -> web.Response:
    text = answer.model_dump_json(by_alias=True, exclude_none=True)
    return web.Response(text=text, content_type="application/json")


def main(port: str, rpc_url: str, key: str, network: str, token: str, seconds: str) -> None:
    signer = FacilitatorWeb3Signer(key, rpc_url, confirmation_timeout_seconds=float(seconds))
    facilitator = register_exact_evm_facilitator(x402FacilitatorSync(), signer, network)
    web.run_app(application(facilitator, token), host="127.0.0.1", port=int(port), print=None)


if __name__ == "__main__":
    main(*sys.argv[1:])
