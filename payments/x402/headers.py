"""Reading the payment a buyer attached, and writing what we answer.

Reading is strict: one authorization may arrive in many spellings, and every doubt about what it
says ends here. `json` decides, because it is the parser that shows repeated keys. What official
clients send is written without a spare byte: if writing it anew gives the very same bytes, then
nothing was repeated or left out, and the quicker parser's reading is the only one.
"""

from __future__ import annotations

import binascii
import json
import math
from base64 import b64encode
from collections.abc import Mapping

import orjson

from payments.x402.fields import address_of, object_of, text_of, uint256_of
from payments.x402.reasons import Malformed, PaymentRefused, Reason
from payments.x402.types import X402_VERSION, PaymentPayload, Requirements

# Official clients send 1.0 kB plain and 3.6 kB with every extension echoed; common servers in
# front of us cut at 8 kB or 16 kB.
HEADER_CHARACTERS_MAX = 16 * 1024
# A seller's schema comes back inside bazaar, each of its levels adding two of ours.
NESTING_LEVELS_MAX = 64
# Longer than any offer of ours; keeps the number small enough for every column and sum.
TIMEOUT_SECONDS_MAX = 2**31 - 1


def decode_payment(header: str) -> PaymentPayload:
    """Read the PAYMENT-SIGNATURE header a buyer sent."""
    return payment_of(decode_header(header))


def decode_header(header: str) -> object:
    """Read the JSON document that a header carries in base64."""
    return decode_json(_decode_base64(header))


def encode_header(document: Mapping[str, object]) -> str:
    """Write a document as a header's value: base64 of exactly the bytes of `encode_json`."""
    return b64encode(encode_json(document)).decode("ascii")


def encode_json(document: Mapping[str, object]) -> bytes:
    """Write a document as compact JSON in UTF-8."""
    return _ENCODER.encode(document).encode("utf-8")


def matches(offer: Requirements, accepted: Requirements) -> bool:
    """Tell whether what the buyer accepted is this offer; they may add to `extra`, not change."""
    return (
        offer.scheme == accepted.scheme
        and offer.network == accepted.network
        and offer.amount_atomic == accepted.amount_atomic
        and offer.max_timeout_seconds == accepted.max_timeout_seconds
        and offer.asset.lower() == accepted.asset.lower()
        and offer.pay_to.lower() == accepted.pay_to.lower()
        and all(accepted.extra.get(key) == value for key, value in offer.extra.items())
    )


def payment_of(document: object) -> PaymentPayload:
    """Read a payment from a JSON document, whatever brought it."""
    written = in_version(X402_VERSION, document)
    resource = _optional_object(written, "resource")
    return PaymentPayload(
        version=X402_VERSION,
        accepted=_accepted_of(object_of(written, "accepted")),
        payload=object_of(written, "payload"),
        resource_url=None if resource is None else text_of(resource, "url"),
        extensions=_optional_object(written, "extensions") or {},
    )


def in_version(spoken: int, document: object) -> Mapping[str, object]:
    """Read a document that says which version of x402 it is written in, if it is this one."""
    if not isinstance(document, dict):
        raise Malformed(Reason.MALFORMED_PAYLOAD, "a payment must be a JSON object")
    version = document.get("x402Version")
    if type(version) is not int:
        raise Malformed(Reason.MALFORMED_PAYLOAD, "x402Version must be a number")
    if version != spoken:
        raise PaymentRefused(
            Reason.UNSUPPORTED_VERSION,
            f"this header is for x402 version {spoken}; version 1 goes into X-PAYMENT at the"
            " address with x402Version=1, version 2 into PAYMENT-SIGNATURE without it",
        )
    return document


def decode_json(raw: bytes) -> object:
    """Read JSON in which nothing can be understood in two ways."""
    try:
        document = orjson.loads(raw)
        if orjson.dumps(document) != raw:
            document = _decode_slowly(raw)
    except (orjson.JSONDecodeError, orjson.JSONEncodeError):
        document = _decode_slowly(raw)
    if raw.count(b"{") + raw.count(b"[") > NESTING_LEVELS_MAX and _is_too_deep(document):
        raise Malformed(Reason.MALFORMED_JSON, f"more than {NESTING_LEVELS_MAX} levels of nesting")
    return document


def _decode_slowly(raw: bytes) -> object:
    try:
        document = _DECODER.decode(raw.decode("utf-8"))
        if b"\\u" in raw:
            # Half a surrogate pair can be written as an escape, and then encoded by nobody.
            _ENCODER.encode(document).encode("utf-8")
    except (ValueError, RecursionError):
        raise Malformed(Reason.MALFORMED_JSON, "the payment is not valid JSON in UTF-8") from None
    return document


def _decode_base64(header: str) -> bytes:
    if len(header) > HEADER_CHARACTERS_MAX:
        raise Malformed(
            Reason.MALFORMED_HEADER, f"a payment may have {HEADER_CHARACTERS_MAX} characters"
        )
    letters = header.rstrip("=")
    padded = letters + "=" * (-len(letters) % 4)
    try:
        raw = binascii.a2b_base64(padded.encode("ascii"), strict_mode=True)
    except ValueError:
        raw = b""
    if not raw or header not in (letters, padded):
        raise Malformed(Reason.MALFORMED_HEADER, "the payment is not standard base64")
    return raw


def _accepted_of(accepted: Mapping[str, object]) -> Requirements:
    timeout = accepted.get("maxTimeoutSeconds")
    if type(timeout) is not int or not 0 <= timeout <= TIMEOUT_SECONDS_MAX:
        raise Malformed(Reason.MALFORMED_PAYLOAD, "maxTimeoutSeconds must be a whole number")
    extra = object_of(accepted, "extra") if "extra" in accepted else {}
    return Requirements(
        scheme=text_of(accepted, "scheme"),
        network=text_of(accepted, "network"),
        amount_atomic=uint256_of(accepted, "amount"),
        asset=address_of(accepted, "asset"),
        pay_to=address_of(accepted, "payTo"),
        max_timeout_seconds=timeout,
        # An offer's extra is text only, so anything else a client added cannot be part of it.
        extra={key: value for key, value in extra.items() if isinstance(value, str)},
    )


def _optional_object(holder: Mapping[str, object], key: str) -> Mapping[str, object] | None:
    return None if holder.get(key) is None else object_of(holder, key)


def _is_too_deep(document: object) -> bool:
    level = [document]
    for _ in range(NESTING_LEVELS_MAX):
        below: list[object] = []
        for value in level:
            if isinstance(value, dict):
                below.extend(value.values())
            elif isinstance(value, list):
                below.extend(value)
        if not below:
            return False
        level = below
    return any(isinstance(value, dict | list) for value in level)


def _object_without_repeats(pairs: list[tuple[str, object]]) -> dict[str, object]:
    document = dict(pairs)
    if len(document) != len(pairs):
        raise Malformed(Reason.MALFORMED_JSON, "a key appears twice in one object")
    return document


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise Malformed(Reason.MALFORMED_JSON, "a number is too large")
    return number


def _refuse_constant(name: str) -> object:
    raise Malformed(Reason.MALFORMED_JSON, f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object_without_repeats,
    parse_float=_finite,
    parse_constant=_refuse_constant,
)
_ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))
