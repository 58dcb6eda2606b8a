"""The official Python facilitator behind FastAPI.

Its work blocks, so each request has a thread: in the event loop they would wait for each other's
blocks.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from anyio import to_thread
from fastapi import FastAPI
from pydantic import BaseModel
from x402 import x402FacilitatorSync
from x402.mechanisms.evm import FacilitatorWeb3Signer
from x402.mechanisms.evm.exact import register_exact_evm_facilitator
from x402.schemas import PaymentPayload, PaymentRequirements

THREADS_MAX = 600
signer = FacilitatorWeb3Signer(os.environ["FACILITATOR_KEY"], os.environ["RPC_URL"])
facilitator = register_exact_evm_facilitator(x402FacilitatorSync(), signer, "eip155:84532")


class Question(BaseModel):
    paymentPayload: PaymentPayload  # noqa: N815  (the protocol's name)
    paymentRequirements: PaymentRequirements  # noqa: N815


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    to_thread.current_default_thread_limiter().total_tokens = THREADS_MAX
    yield


app = FastAPI(lifespan=lifespan)


@app.post("/verify")
def verify(asked: Question) -> dict[str, Any]:
    said = facilitator.verify(asked.paymentPayload, asked.paymentRequirements)
    return dict(said.model_dump(by_alias=True, exclude_none=True))


@app.post("/settle")
def settle(asked: Question) -> dict[str, Any]:
    said = facilitator.settle(asked.paymentPayload, asked.paymentRequirements)
    return dict(said.model_dump(by_alias=True, exclude_none=True))


@app.get("/supported")
def supported() -> dict[str, Any]:
    return dict(facilitator.get_supported().model_dump(by_alias=True, exclude_none=True))
