"""Whether a wallet stands behind a request: what it is asked to sign, and whether it did."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from payments.chains import Chain
from payments.database.pool import Pool
from payments.wallets import questions
from payments.wallets.siwx import Asker, AsksTooOften, NotProven, SiwxReason, proven_payer
from payments.wiring.bounds import wallet_proofs_per_minute
from payments.wiring.keys import sign_in_secret

WALLET_HEADER = "SIGN-IN-WITH-X"


@dataclass(frozen=True, slots=True)
class Subject:
    """Which wallet has to prove itself, on which network, to which address of ours."""

    payer: str
    network: str
    uri: str

    def question(self) -> dict[str, Any]:
        """What it is to sign, as an extension of x402: good for one answer."""
        asked = questions.challenge(
            sign_in_secret(), uri=self.uri, network=self.network, now=int(time.time())
        )
        return {questions.EXTENSION: asked}

    async def why_unproven(
        self, proof: str, pool: Pool, chains: Mapping[str, Chain], *, origin: str
    ) -> SiwxReason | None:
        """None when this wallet signed; the question is used up by that.

        `origin` is the network that the proof comes from: AsksTooOften is not for here to say.
        """
        try:
            await proven_payer(
                proof,
                payer=self.payer,
                uri=self.uri,
                network=self.network,
                secret=sign_in_secret(),
                now=int(time.time()),
                pool=pool,
                chain=chains.get(self.network),
                asker=Asker(origin, wallet_proofs_per_minute()),
            )
        except AsksTooOften:
            raise
        except NotProven as refused:
            return refused.reason
        return None
