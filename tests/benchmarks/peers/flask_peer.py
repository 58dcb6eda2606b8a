"""The official Flask middleware in front of the seller's endpoint; a thread for each buyer."""

import os

import urllib3
from flask import Flask, Response
from x402 import x402ResourceServerSync
from x402.http import FacilitatorConfig, HTTPFacilitatorClientSync
from x402.http.middleware.flask import payment_middleware
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

client = urllib3.PoolManager(maxsize=600)
facilitator = HTTPFacilitatorClientSync(FacilitatorConfig(url=os.environ["FACILITATOR"]))
server = x402ResourceServerSync(facilitator)
server.register(NETWORK, ExactEvmServerScheme())
app = Flask(__name__)
payment_middleware(app, ROUTES, server)


@app.get("/weather")
def weather() -> Response:
    answer = client.request("GET", UPSTREAM)
    return Response(answer.data, answer.status, mimetype="application/json")
