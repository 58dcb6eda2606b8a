"""What a grader makes of our public face: each answer held against what it should have been.

The ids are those of the public graders; what a check needs and did not get counts as failed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from payments.egress import Reply
from payments.x402.networks import ADDRESS
from payments.x402.types import X402_VERSION
from sellers.grading.checks import ADVISORY, REQUIRED, Check, judged
from sellers.grading.face import Face, document_of, quote_in, status_of
from sellers.offers import HEADER_BYTES_MAX
from sellers.schemas.validating import complaint
from sellers.site import Site
from sellers.terms import Terms

_CAIP2 = re.compile(r"[-a-z0-9]{3,8}:[-_a-zA-Z0-9]{1,32}")
_SECONDS = range(1, 3_601)
_ALLOWED = ("content-type", "x-payment", "payment-signature")
_EXPOSED = ("PAYMENT-REQUIRED", "PAYMENT-RESPONSE")


def graded(face: Face, terms: Terms, site: Site) -> Iterator[Check]:
    """Every check that the answers of one address allow."""
    assert isinstance(face.bare, Reply)
    header = face.bare.headers.get("PAYMENT-REQUIRED", "")
    document = quote_in(header)
    yield from _challenge(face, header, document)
    yield from _offers(document, site)
    yield from _resource(document, face.url)
    yield from _bazaar(face, document, terms)
    yield from _headers(face)
    yield from _extras(face, document, terms)
    yield from _contracts(face)


def _challenge(face: Face, header: str, document: dict[str, Any]) -> Iterator[Check]:
    statuses = [status_of(face.bare), status_of(face.posted)]
    yield judged(
        "returns-402", statuses == ["402", "402"], REQUIRED,
        "GET, and POST with {}, are answered with the price", "402 and 402",
        " and ".join(statuses),
        "A paused or failing listing is not quoted: see its state and its health.",
    )  # fmt: skip
    version = document.get("x402Version")
    yield judged(
        "protocol-version", version == X402_VERSION, REQUIRED,
        "the quote speaks x402 version 2", str(X402_VERSION), str(version),
    )  # fmt: skip
    assert isinstance(face.bare, Reply)
    same = bool(document) and document_of(face.bare) == document
    yield judged(
        "challenge-header", same, REQUIRED, "header and body say the same", "equal",
        "equal" if same else "they differ" if header else "no PAYMENT-REQUIRED header",
    )  # fmt: skip
    size = len(header)
    yield judged(
        "header-budget", 0 < size <= HEADER_BYTES_MAX, REQUIRED, "the quote fits into a header",
        f"{HEADER_BYTES_MAX} bytes at most", f"{size} bytes",
    )  # fmt: skip
    older = document_of(face.older)
    speaks = isinstance(older, dict) and older.get("x402Version") == 1
    yield judged(
        "older-clients", speaks, ADVISORY, "version 1 is spoken at ?x402Version=1", "1",
        "1" if speaks else status_of(face.older),
    )  # fmt: skip


def _offers(document: dict[str, Any], site: Site) -> Iterator[Check]:
    accepts = document.get("accepts") or []
    wrong = [fault for accept in accepts if (fault := _fault(accept))]
    yield judged(
        "accepts", bool(accepts) and not wrong, REQUIRED, "every way to pay is written whole",
        "1 or more, without a fault", ", ".join(wrong) or str(len(accepts)),
    )  # fmt: skip
    known = [
        site.accepts(str(accept.get("network")), str(accept.get("asset"))) for accept in accepts
    ]
    yield judged(
        "unknown_asset", all(known), REQUIRED, "every token is taken here", "known",
        "known" if all(known) else "a token is not",
    )  # fmt: skip


def _fault(accept: dict[str, Any]) -> str:
    """The first thing that is wrong with one way to pay."""
    extra, amount = accept.get("extra") or {}, str(accept.get("amount", ""))
    good = {
        "scheme": accept.get("scheme") in ("exact", "upto"),
        "network": bool(_CAIP2.fullmatch(str(accept.get("network", "")))),
        "payTo": bool(ADDRESS.fullmatch(str(accept.get("payTo", "")))),
        "asset": bool(ADDRESS.fullmatch(str(accept.get("asset", "")))),
        "amount": amount.isdecimal() and int(amount) > 0,
        "maxTimeoutSeconds": accept.get("maxTimeoutSeconds") in _SECONDS,
        "extra": bool(extra.get("name")) and bool(extra.get("version")),
    }
    return next((name for name, is_good in good.items() if not is_good), "")


def _resource(document: dict[str, Any], url: str) -> Iterator[Check]:
    resource = document.get("resource") or {}
    named = str(resource.get("url"))
    https = url.startswith("https://")
    yield judged(
        "resource-url", named == url and https, REQUIRED if https or named != url else ADVISORY,
        "the public address is https and stands in the quote as it is", url, named,
        "The operator sets CALL_BASE_URL to an https address; a demo on a laptop has none.",
    )  # fmt: skip
    told = bool(resource.get("description")) and bool(resource.get("mimeType"))
    yield judged(
        "resource-described", told, ADVISORY, "the quote says what comes back and in which type",
        "description and mimeType", "both" if told else "not both",
    )  # fmt: skip


def _bazaar(face: Face, document: dict[str, Any], terms: Terms) -> Iterator[Check]:
    bazaar = (document.get("extensions") or {}).get("bazaar") or {}
    info, schema = bazaar.get("info") or {}, bazaar.get("schema")
    wrong = complaint(schema, info, "info") if schema else "there is none"
    yield judged(
        "bazaar", wrong is None, REQUIRED, "the quote's example keeps the quote's own schema",
        "valid", wrong or "valid", "Shorten the schemas and the example until they fit.", "shape",
    )  # fmt: skip
    example = (info.get("output") or {}).get("example")
    wrong = None if example is None else complaint(terms.output_schema, example, "example")
    yield judged(
        "bazaar-output", example is not None and wrong is None, ADVISORY,
        "the quote shows an answer, and it keeps the output schema", "valid",
        wrong or ("left out for its length, or no JSON" if example is None else "valid"),
        "Give a shorter example answer.", "shape",
    )  # fmt: skip
    status = status_of(face.replayed)
    yield judged(
        "bazaar-replay", status == "402", REQUIRED,
        "the declared example, sent as it is declared, is quoted", "402", status,
    )  # fmt: skip


def _headers(face: Face) -> Iterator[Check]:
    assert isinstance(face.bare, Reply)
    headers = face.bare.headers
    said = face.preflight.headers if isinstance(face.preflight, Reply) else {}
    allowed = said.get("Access-Control-Allow-Headers", "").lower()
    exposed = headers.get("Access-Control-Expose-Headers", "").upper()
    good = (
        headers.get("Access-Control-Allow-Origin") == "*"
        and all(name in exposed for name in _EXPOSED)
        and all(name in allowed for name in _ALLOWED)
    )
    yield judged(
        "cors-expose", good, ADVISORY, "programs in browsers may read the quote and pay",
        "exposed", "exposed" if good else "not exposed",
    )  # fmt: skip
    kept = headers.get("Cache-Control", "")
    yield judged(
        "no-store", kept == "no-store", ADVISORY, "no cache keeps a quote", "no-store",
        kept or "nothing is said",
    )  # fmt: skip
    kind = headers.get("Content-Type", "")
    yield judged(
        "errors-are-json", kind.startswith("application/json"), ADVISORY,
        "who asks for no page is answered with JSON", "application/json", kind or "nothing is said",
    )  # fmt: skip


def _extras(face: Face, document: dict[str, Any], terms: Terms) -> Iterator[Check]:
    demo = face.demo
    live = (
        isinstance(demo, Reply)
        and demo.status == terms.sample.status
        and demo.headers.get("X-Demo") == "true"
        and demo.body == terms.sample.body
    )
    named = (document.get("demo") or {}).get("available") is True
    yield judged(
        "demo-live", live and named, ADVISORY, "the free sample answer is given at ?demo=true",
        "the stored sample", "the stored sample" if live and named else status_of(demo),
    )  # fmt: skip
    retry = document.get("retry") or {}
    told = retry.get("header") == "PAYMENT-SIGNATURE" and bool(retry.get("status_url"))
    yield judged(
        "retry-path", told, ADVISORY, "the quote says how to go on after a lost answer",
        "retry", "retry" if told else "missing",
    )  # fmt: skip


def _contracts(face: Face) -> Iterator[Check]:
    if not face.contracts:
        return
    coded = [address for address, has_code in face.contracts.items() if has_code]
    unknown = [address for address, has_code in face.contracts.items() if has_code is None]
    actual = f"{coded[0]} is a contract" if coded else "wallets with a key"
    yield judged(
        "evm-payto-eoa", not coded, ADVISORY, "the payout wallet is no contract by accident",
        "a wallet with a key", "the chain did not answer" if unknown and not coded else actual,
        "A contract wallet of yours is fine; a token or an exchange's contract is not.", "payout",
    )  # fmt: skip
