"""What the agent's own wallet may still spend: told to whoever signs for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from marketplace.calls.room import Room
from marketplace.catalog.mcp.orders import PROOF
from marketplace.catalog.mcp.protocol import INVALID_PARAMS, Fault
from marketplace.catalog.mcp.results import data, problem
from payments.limits.telling import tell

Document = dict[str, Any]


async def limits_left(
    room: Room, arguments: Mapping[str, Any], meta: Mapping[str, Any], origin: str
) -> Document:
    """The same document as `/api/limits/<wallet>`; asked without a proof, the question."""
    wallet, network = arguments.get("wallet"), arguments.get("network", "")
    proof = meta.get(PROOF)
    if not isinstance(wallet, str) or not isinstance(network, str):
        raise Fault(INVALID_PARAMS, "wallet must be an address, and network a CAIP-2 name")
    if proof is not None and not isinstance(proof, str):
        raise Fault(INVALID_PARAMS, f"{PROOF} must be a text")
    told = await tell(
        room.pool, room.chains, wallet=wallet, network=network, proof=proof, origin=origin
    )
    if told.status == 200:
        return data(told.document)
    also = {key: told.document[key] for key in ("extensions",) if key in told.document}
    if told.retry_seconds:
        also["retry_after_seconds"] = told.retry_seconds
    return problem(told.document["error"], told.document["detail"], also=also)
