"""The headers by which a seller's endpoint knows that a call came from this marketplace."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping


def mark_headers(
    marks: Mapping[str, str], body: bytes, signing_key: bytes, *, now: int
) -> list[tuple[str, str]]:
    """Payment, payer and listing, signed together with the time and the body's hash."""
    payment, payer, listing = marks["payment"], marks["payer"], marks["listing"]
    digest = hashlib.sha256(body).hexdigest()
    signed = "\n".join(("souk-v1", str(now), payment, payer, listing, digest))
    return [
        ("X-Souk-Payment", payment),
        ("X-Souk-Payer", payer),
        ("X-Souk-Listing", listing),
        ("X-Souk-Timestamp", str(now)),
        ("X-Souk-Signature", f"v1={hmac.digest(signing_key, signed.encode(), 'sha256').hex()}"),
    ]
