"""The ways to pay: each reads, checks and proves one kind of payment, without any I/O.

A new way is one module with these functions and one line in `SCHEMES`. A scheme knows what has
to happen; the chains know how.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from payments.x402.reasons import Reason
from payments.x402.schemes import exact_eip3009
from payments.x402.types import (
    Authorization,
    Call,
    Finding,
    LogEntry,
    PaymentPayload,
    Requirements,
)


class Scheme(Protocol):
    """What the shop asks of a way to pay."""

    def parse(self, payload: PaymentPayload) -> Authorization:
        """Read the buyer's signed word, strictly."""

    def payload_of(self, authorization: Authorization) -> dict[str, object]:
        """Write the buyer's signed word as the wire has it, for whoever is to carry it out."""

    def identity(self, chain_id: int, asset: str, authorization: Authorization) -> bytes:
        """Name this payment in 16 bytes: the same for every spelling of it."""

    def check(
        self, authorization: Authorization, offer: Requirements, now: int, margin_seconds: int
    ) -> None:
        """Refuse what can be refused without signature or chain."""

    def digest(self, authorization: Authorization, offer: Requirements, chain_id: int) -> bytes:
        """Return the 32 bytes that the buyer signed."""

    def signature_fault(
        self, authorization: Authorization, offer: Requirements, chain_id: int
    ) -> Reason | None:
        """Say why this is not the payer's own signature, or None when it is."""

    def signed_by_payer(
        self, authorization: Authorization, offer: Requirements, chain_id: int
    ) -> bool:
        """Tell whether the payer's own key signed; a contract wallet is for the chain to judge."""

    def transfer_call(
        self, authorization: Authorization, asset: str, *, payer_has_code: bool = False
    ) -> Call:
        """Build the call that moves the money."""

    def cancelled_or_used(
        self, authorization: Authorization
    ) -> tuple[tuple[bytes, ...], bytes, bytes]:
        """Return the topics under which the authorization's end appears in the logs."""

    def find_transfer(
        self, logs: Sequence[LogEntry], authorization: Authorization, asset: str
    ) -> Finding:
        """Read from one transaction's events what became of the authorization."""

    def find_transfers(
        self, logs: Sequence[LogEntry], authorizations: Sequence[Authorization], asset: str
    ) -> list[Finding]:
        """Read the same for many authorizations that one transaction may have carried out."""

    def reason_of_revert(self, text: str) -> Reason:
        """Translate what the token said when it refused."""


SCHEMES: dict[str, Scheme] = {"exact": exact_eip3009}
