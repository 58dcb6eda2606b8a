"""What a wallet may still spend, told to that wallet alone, whichever way it asks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from payments.chains import Chain
from payments.database.pool import Pool
from payments.limits import owners, sums
from payments.wallets.proof import WALLET_HEADER, Subject
from payments.wallets.questions import EXTENSION
from payments.wallets.siwx import AsksTooOften
from payments.wiring.networks import networks
from payments.wiring.site import public_url
from payments.x402.networks import read_address


@dataclass(frozen=True, slots=True)
class Told:
    """An answer as an HTTP status and a document."""

    status: int
    document: Mapping[str, Any]
    payer: str = ""
    retry_seconds: int = 0


async def tell(
    pool: Pool,
    chains: Mapping[str, Chain],
    *,
    wallet: str,
    network: str,
    proof: str | None,
    origin: str,
) -> Told:
    """The owner's rules and what is left of each sum, to an agent that signs for its wallet."""
    payer = read_address(wallet)
    if payer is None:
        return _refused(404, "no_wallet", "That is no address of a wallet.")
    network = network or next(iter(networks()), "")
    if network not in networks():
        return _refused(404, "unknown_network", "Nothing is settled there.")
    spender = Subject(payer, network, public_url(f"/api/limits/{wallet}"))
    unproven = await _unproven(pool, chains, spender, proof, origin)
    if unproven is not None:
        return unproven
    rules = await owners.read_rules(pool, payer)
    if not rules.count_on(network):
        rules = owners.NO_RULES
    now = datetime.now(UTC)
    used = await sums.read_used(pool, rules, now)
    whose = {"wallet": payer, "network": network, "unit": "USD"}
    return Told(200, whose | sums.document(rules, used, now), payer)


async def _unproven(
    pool: Pool, chains: Mapping[str, Chain], spender: Subject, proof: str | None, origin: str
) -> Told | None:
    error = "proof_required"
    if proof is not None:
        try:
            why = await spender.why_unproven(proof, pool, chains, origin=origin)
        except AsksTooOften as often:
            document = {"error": "too_often", "detail": often.detail}
            return Told(429, document, spender.payer, often.retry_seconds)
        if why is None:
            return None
        error = why
    detail = (
        "Only the wallet itself is told. Sign the text of the sign-in-with-x extension below with"
        f" it and send that as {WALLET_HEADER}, over MCP as _meta.{EXTENSION}; each question is"
        " good for one answer."
    )
    return _refused(401, error, detail, spender.payer, spender.question())


def _refused(
    status: int,
    error: str,
    detail: str,
    payer: str = "",
    extensions: Mapping[str, Any] | None = None,
) -> Told:
    document: dict[str, Any] = {"error": error, "detail": detail}
    if extensions:
        document["extensions"] = extensions
    return Told(status, document, payer)
