"""The official FastAPI middleware in front of the seller's endpoint.

Beside the middleware everything is chosen to cost little: uvicorn with uvloop and httptools, and
aiohttp towards the seller.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from fastapi import FastAPI, Request, Response
from x402 import x402ResourceServer
from x402.http import FacilitatorConfig, HTTPFacilitatorClient
from x402.http.middleware.fastapi import payment_middleware
from x402.mechanisms.evm.exact import ExactEvmServerScheme

NETWORK = "eip155:84532"
UPSTREAM = os.environ["UPSTREAM_URL"]
ROUTES = {
    "GET /weather": {
        "accepts": {
            "scheme": "exact",
            "payTo": os.environ["PAY_TO"],
            "price": os.environ["PRICE"],
            "network": NETWORK,
        },
        "description": "The weather of a city now.",
    }
}

server = x402ResourceServer(HTTPFacilitatorClient(FacilitatorConfig(url=os.environ["FACILITATOR"])))
server.register(NETWORK, ExactEvmServerScheme())


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as app.state.client:
        yield


app = FastAPI(lifespan=lifespan)
app.middleware("http")(payment_middleware(ROUTES, server))


@app.get("/weather")
async def weather(request: Request) -> Response:
    async with request.app.state.client.get(UPSTREAM) as answer:
        return Response(await answer.read(), answer.status, media_type="application/json")
