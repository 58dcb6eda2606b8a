"""Payments by signed dollar transfers (EIP-3009): the buyer signs, anyone may carry it out.

The six terms of an authorization are six 32-byte words, the same in the signed struct (EIP-712)
and in the call that moves the money.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import sha256
from itertools import islice

from payments.x402.abi import address_word, bytes_argument, number_word, selector, topic
from payments.x402.crypto import (
    RECOVERY_IDS,
    SIGNATURE_BYTES,
    has_low_s,
    keccak256,
    recover_address,
)
from payments.x402.fields import address_of, bytes_of, object_of, uint256_of
from payments.x402.networks import address_bytes
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from payments.x402.types import (
    Authorization,
    Call,
    Evidence,
    Finding,
    LogEntry,
    PaymentPayload,
    Requirements,
)

SIGNATURE_BYTES_MAX = 4096
# What a buyer's clock may run ahead of ours.
CLOCK_SKEW_SECONDS = 60

# A single transfer burns 71 447 (measured on the production token's behaviour); the rest is for
# first-time recipients and dearer tokens. A contract wallet's own check comes on top.
GAS_PLAIN = 120_000
GAS_CONTRACT_WALLET = 300_000

_SIGNED_TERMS = (
    "TransferWithAuthorization(address from,address to,uint256 value,"
    "uint256 validAfter,uint256 validBefore,bytes32 nonce)"
)
TYPE_HASH = keccak256(_SIGNED_TERMS.encode())
DOMAIN_TYPE_HASH = keccak256(
    b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
)

_TRANSFER = "transferWithAuthorization(address,address,uint256,uint256,uint256,bytes32,"
SELECTOR_PLAIN = selector(_TRANSFER + "uint8,bytes32,bytes32)")
SELECTOR_CONTRACT_WALLET = selector(_TRANSFER + "bytes)")

TOPIC_USED = topic("AuthorizationUsed(address,bytes32)")
TOPIC_CANCELLED = topic("AuthorizationCanceled(address,bytes32)")
TOPIC_TRANSFER = topic("Transfer(address,address,uint256)")

# ERC-6492: a signature wrapped with the factory call that would first create the wallet.
ERC6492_SUFFIX = bytes.fromhex("6492" * 16)

_AUTHORIZATION_KEYS = {"from", "to", "value", "validAfter", "validBefore", "nonce"}

# Texts of the production token and names of the errors newer tokens use, in lower case.
_REVERTS = (
    ("authorization is expired", Reason.EXPIRED),
    ("authorizationexpired", Reason.EXPIRED),
    ("authorization is not yet valid", Reason.NOT_YET_VALID),
    ("authorizationnotyetvalid", Reason.NOT_YET_VALID),
    ("authorization is used", Reason.ALREADY_USED),
    ("authorizationalreadyused", Reason.ALREADY_USED),
    ("authorizationusedorcanceled", Reason.ALREADY_USED),
    ("transfer amount exceeds balance", Reason.INSUFFICIENT_BALANCE),
    ("erc20insufficientbalance", Reason.INSUFFICIENT_BALANCE),
    ("invalid signature", Reason.INVALID_SIGNATURE),
    ("signermismatch", Reason.INVALID_SIGNATURE),
    ("invalidsignature", Reason.INVALID_SIGNATURE),
    ("account is blacklisted", Reason.ACCOUNT_BLOCKED),
    ("paused", Reason.TOKEN_PAUSED),
)


def parse(payload: PaymentPayload) -> Authorization:
    """Read the buyer's signed word: exactly its six terms and a signature."""
    terms = object_of(payload.payload, "authorization")
    if terms.keys() != _AUTHORIZATION_KEYS:
        raise Malformed(Reason.MALFORMED_PAYLOAD, "authorization must have its six fields only")
    return Authorization(
        payer=address_of(terms, "from"),
        pay_to=address_of(terms, "to"),
        amount_atomic=uint256_of(terms, "value"),
        valid_after=uint256_of(terms, "validAfter"),
        valid_before=uint256_of(terms, "validBefore"),
        nonce=bytes_of(terms, "nonce", 32, 32),
        signature=bytes_of(payload.payload, "signature", 1, SIGNATURE_BYTES_MAX),
    )


def payload_of(authorization: Authorization) -> dict[str, object]:
    """Write the buyer's signed word as the wire has it, for whoever is to carry it out."""
    return {
        "authorization": {
            "from": authorization.payer,
            "to": authorization.pay_to,
            "value": str(authorization.amount_atomic),
            "validAfter": str(authorization.valid_after),
            "validBefore": str(authorization.valid_before),
            "nonce": f"0x{authorization.nonce.hex()}",
        },
        "signature": f"0x{authorization.signature.hex()}",
    }


def identity(chain_id: int, asset: str, authorization: Authorization) -> bytes:
    """Name this payment in 16 bytes: chain, token, payer and nonce, never header or signature."""
    return sha256(
        chain_id.to_bytes(32, "big")
        + address_bytes(asset)
        + address_bytes(authorization.payer)
        + authorization.nonce
    ).digest()[:16]


def check(authorization: Authorization, offer: Requirements, now: int, margin_seconds: int) -> None:
    """Refuse a payment to somebody else, of another amount, or at another time.

    `now` is the later of our clock and the chain's; the margin is the time our work and a block
    still need.
    """
    if address_bytes(authorization.pay_to) != address_bytes(offer.pay_to):
        raise PaymentRefused(Reason.RECIPIENT_MISMATCH)
    if authorization.amount_atomic != offer.amount_atomic:
        raise PaymentRefused(Reason.VALUE_MISMATCH)
    # The token wants validAfter < now < validBefore, both strictly.
    if authorization.valid_after >= now:
        raise PaymentRefused(Reason.NOT_YET_VALID)
    if authorization.valid_before <= now:
        raise PaymentRefused(Reason.EXPIRED)
    if authorization.valid_before < now + margin_seconds:
        raise PaymentRefused(
            Reason.WINDOW_TOO_SHORT,
            f"validBefore must be at least {margin_seconds} s away, for the work and its payment:"
            f" sign for {offer.max_timeout_seconds} s",
        )
    if authorization.valid_before > now + offer.max_timeout_seconds + CLOCK_SKEW_SECONDS:
        raise PaymentRefused(
            Reason.WINDOW_TOO_LONG, f"validBefore must be within {offer.max_timeout_seconds} s"
        )
    if authorization.signature.endswith(ERC6492_SUFFIX):
        raise PaymentRefused(Reason.FACTORY_NOT_ALLOWED)


def digest(authorization: Authorization, offer: Requirements, chain_id: int) -> bytes:
    """Return the 32 bytes the buyer signed (EIP-712)."""
    try:
        name, version = offer.extra["name"], offer.extra["version"]
    except KeyError:
        raise PaymentRefused(Reason.MISSING_EIP712_DOMAIN) from None
    domain = domain_separator(name, version, chain_id, offer.asset)
    return keccak256(b"\x19\x01" + domain + keccak256(TYPE_HASH + _terms_words(authorization)))


def signed_by_payer(authorization: Authorization, offer: Requirements, chain_id: int) -> bool:
    """Tell whether the payer's own key signed; a contract wallet is for the chain to judge."""
    signer = recover_address(digest(authorization, offer, chain_id), authorization.signature)
    return signer == address_bytes(authorization.payer)


def signature_fault(
    authorization: Authorization, offer: Requirements, chain_id: int
) -> Reason | None:
    """Say why this is not the payer's own signature, or None when it is."""
    if signed_by_payer(authorization, offer, chain_id):
        return None
    signature = authorization.signature
    if signature.endswith(ERC6492_SUFFIX):
        return Reason.FACTORY_NOT_ALLOWED
    if len(signature) != SIGNATURE_BYTES:
        return Reason.UNDEPLOYED_WALLET
    if signature[64] not in RECOVERY_IDS:
        return Reason.SIGNATURE_RECOVERY_ID
    if not has_low_s(signature):
        return Reason.SIGNATURE_HIGH_S
    return Reason.INVALID_SIGNATURE


def transfer_call(
    authorization: Authorization, asset: str, *, payer_has_code: bool = False
) -> Call:
    """Build the call that moves the money, in the form this signature needs."""
    signature = authorization.signature
    words = _terms_words(authorization)
    if len(signature) == SIGNATURE_BYTES:
        r, s, v = signature[:32], signature[32:64], signature[64:]
        data = SELECTOR_PLAIN + words + bytes(31) + v + r + s
    else:
        data = SELECTOR_CONTRACT_WALLET + words + bytes_argument(signature, words_before=6)
    is_plain = len(signature) == SIGNATURE_BYTES and not payer_has_code
    return Call(to=asset, data=data, gas=GAS_PLAIN if is_plain else GAS_CONTRACT_WALLET)


def cancelled_or_used(
    authorization: Authorization,
) -> tuple[tuple[bytes, ...], bytes, bytes]:
    """Return the topics under which the authorization's end appears in the token's logs."""
    return (
        (TOPIC_USED, TOPIC_CANCELLED),
        address_word(authorization.payer),
        authorization.nonce,
    )


def find_transfer(logs: Sequence[LogEntry], authorization: Authorization, asset: str) -> Finding:
    """Read from one transaction's events whether this authorization moved its money."""
    return find_transfers(logs, [authorization], asset)[0]


def find_transfers(
    logs: Sequence[LogEntry], authorizations: Sequence[Authorization], asset: str
) -> list[Finding]:
    """Read from one transaction's events which of these authorizations moved their money.

    The token records each use just before its transfer. A transfer therefore belongs to the
    last use before it, and to that one alone: another buyer's equal payment in the same
    transaction, or the payer's other authorization of the same sum, proves nothing here.
    """
    events = sorted(
        (log for log in logs if log.address.lower() == asset.lower() and log.topics),
        key=lambda log: log.index,
    )
    endings = (TOPIC_USED, TOPIC_CANCELLED)
    places: dict[tuple[bytes, ...], int] = {}  # where each authorization ended, the first time
    for place, log in enumerate(events):
        if log.topics[0] in endings:
            places.setdefault(log.topics[1:], place)
    return [_finding(events, places, authorization) for authorization in authorizations]


def reason_of_revert(text: str) -> Reason:
    """Translate what the token said when it refused; an unknown text is kept from the buyer."""
    said = text.lower()
    return next((reason for words, reason in _REVERTS if words in said), Reason.SIMULATION_FAILED)


def _finding(
    events: Sequence[LogEntry], places: Mapping[tuple[bytes, ...], int], of: Authorization
) -> Finding:
    _, payer, nonce = cancelled_or_used(of)
    place = places.get((payer, nonce))
    if place is None:
        return Finding(Evidence.NOTHING)
    if events[place].topics[0] == TOPIC_CANCELLED:
        return Finding(Evidence.CANCELLED)
    return _finding_of_use(islice(events, place + 1, None), of)


def _finding_of_use(later: Iterable[LogEntry], authorization: Authorization) -> Finding:
    wanted = (
        TOPIC_TRANSFER,
        address_word(authorization.payer),
        address_word(authorization.pay_to),
    )
    amount = number_word(authorization.amount_atomic)
    for log in later:
        if log.topics[0] == TOPIC_USED:
            break
        if log.topics[0] == TOPIC_TRANSFER:
            if log.topics == wanted and log.data == amount:
                return Finding(Evidence.PAID, log.index)
            break
    return Finding(Evidence.SPENT_ELSEWHERE)


@lru_cache(maxsize=1024)
def domain_separator(name: str, version: str, chain_id: int, asset: str) -> bytes:
    """Return the hash that binds a signature to this token on this chain (EIP-712)."""
    return keccak256(
        DOMAIN_TYPE_HASH
        + keccak256(name.encode())
        + keccak256(version.encode())
        + number_word(chain_id)
        + address_word(asset)
    )


def _terms_words(authorization: Authorization) -> bytes:
    return (
        address_word(authorization.payer)
        + address_word(authorization.pay_to)
        + number_word(authorization.amount_atomic)
        + number_word(authorization.valid_after)
        + number_word(authorization.valid_before)
        + authorization.nonce
    )
