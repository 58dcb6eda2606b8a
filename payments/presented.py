"""A payment as it was presented: the authorization, its scheme, and the one name it has."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass

from payments.identifiers import identifier_hash
from payments.x402.networks import NETWORKS, chain_id_of
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from payments.x402.schemes import SCHEMES, Scheme
from payments.x402.types import Authorization, PaymentPayload, Requirements


@dataclass(frozen=True, slots=True)
class Presented:
    """What a buyer showed, strictly decoded; nothing of it is believed yet."""

    scheme: Scheme
    chain_id: int
    network: str
    asset: str
    authorization: Authorization
    identity: bytes
    identifier: str | None
    version: int  # of x402, in which it was written

    @staticmethod
    def read(payload: PaymentPayload, sold_on: Container[str]) -> Presented:
        """Of any network that is known: what was paid where nothing is sold any more is ours.

        There, what cannot be read matches nothing that is for sale.
        """
        network, asset = payload.accepted.network, payload.accepted.asset
        if network not in NETWORKS or payload.accepted.scheme not in SCHEMES:
            raise PaymentRefused(Reason.NO_MATCHING_REQUIREMENTS)
        scheme = SCHEMES[payload.accepted.scheme]
        try:
            authorization = scheme.parse(payload)
        except Malformed:
            if network in sold_on:
                raise
            raise PaymentRefused(Reason.NO_MATCHING_REQUIREMENTS) from None
        chain_id = chain_id_of(network)
        return Presented(
            scheme=scheme,
            chain_id=chain_id,
            network=network,
            asset=asset,
            authorization=authorization,
            identity=scheme.identity(chain_id, asset, authorization),
            identifier=payload.payment_identifier,
            version=payload.version,
        )

    @property
    def identifier_hash(self) -> bytes | None:
        return identifier_hash(self.identifier) if self.identifier else None

    def check(self, offer: Requirements, *, now: int, margin_seconds: int) -> None:
        self.scheme.check(self.authorization, offer, now, margin_seconds)

    def signed_by_own_key(self, offer: Requirements) -> bool:
        return self.scheme.signed_by_payer(self.authorization, offer, self.chain_id)

    def signature_fault(self, offer: Requirements) -> Reason:
        fault = self.scheme.signature_fault(self.authorization, offer, self.chain_id)
        return fault or Reason.INVALID_SIGNATURE
