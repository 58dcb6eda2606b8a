"""Why a payment was not taken, in the words buyers' programs already know.

Where the official Python implementation has a word for a refusal, that word is used; the rest
are ours. What the door says without judging the payment (`in_flight`, `exposure_cap`) is no reason,
and stands where it is said.
"""

from __future__ import annotations

from enum import StrEnum

DETAIL_CHARACTERS_MAX = 200


class Reason(StrEnum):
    """One word on the wire for each way a payment can be refused."""

    # The challenge itself.
    PAYMENT_REQUIRED = "Payment required"
    NO_MATCHING_REQUIREMENTS = "No matching payment requirements"

    # What arrived cannot be read: answered 400, nothing looked up, nothing taken.
    MORE_THAN_ONE_PAYMENT = "more_than_one_payment"
    OTHER_VERSION = "payment_of_other_version"
    MALFORMED_HEADER = "malformed_payment_header"
    MALFORMED_JSON = "malformed_payment_json"
    MALFORMED_PAYLOAD = "invalid_payload"
    MALFORMED_IDENTIFIER = "malformed_payment_identifier"

    # Readable, but not a payment for this offer.
    UNSUPPORTED_VERSION = "invalid_x402_version"
    UNKNOWN_NETWORK = "invalid_exact_evm_failed_to_get_network_config"
    MISSING_EIP712_DOMAIN = "missing_eip712_domain"
    RECIPIENT_MISMATCH = "invalid_exact_evm_payload_recipient_mismatch"
    VALUE_MISMATCH = "invalid_exact_evm_payload_authorization_value_mismatch"
    RESOURCE_MISMATCH = "resource_mismatch"
    PRICE_ABOVE_MAX = "price_above_max"

    # Its time window. The margins are ours; the official verifier knows only expired or not.
    EXPIRED = "invalid_exact_evm_payload_authorization_valid_before"
    NOT_YET_VALID = "invalid_exact_evm_payload_authorization_valid_after"
    WINDOW_TOO_SHORT = "window_too_short"
    WINDOW_TOO_LONG = "window_too_long"

    # Its signature. The official verifier also takes the high half of s and v of 0 or 1;
    # the token itself takes neither, so we refuse before any work is done for it.
    INVALID_SIGNATURE = "invalid_exact_evm_payload_signature"
    SIGNATURE_HIGH_S = "signature_high_s"
    SIGNATURE_RECOVERY_ID = "signature_v_not_27_or_28"
    FACTORY_NOT_ALLOWED = "eip6492_factory_not_allowed"
    UNDEPLOYED_WALLET = "invalid_exact_evm_payload_undeployed_smart_wallet"

    # What the chain says of it.
    ALREADY_USED = "invalid_exact_evm_nonce_already_used"
    INSUFFICIENT_BALANCE = "invalid_exact_evm_insufficient_balance"
    SIMULATION_FAILED = "invalid_exact_evm_transaction_simulation_failed"
    ACCOUNT_BLOCKED = "account_blocked_by_token"
    TOKEN_PAUSED = "token_paused"  # noqa: S105
    TRANSACTION_FAILED = "transaction_failed"

    # Nobody's fault: try again later, with the same payment.
    SETTLEMENT_PENDING = "settlement_pending"


class PaymentRefused(Exception):
    """A payment we do not take; the buyer may cure it and pay again."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        """Refuse for this reason; the detail is read by the buyer, so it is ours and short."""
        super().__init__(reason)
        self.reason = reason
        self.detail = detail[:DETAIL_CHARACTERS_MAX]


class Malformed(PaymentRefused):
    """A payment that cannot be read at all; sending it again cannot help."""
