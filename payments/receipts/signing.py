"""The site's key: signs receipts, and says on `/.well-known/did.json` how to check them.

A signature is a compact JWS (RFC 7515) with Ed25519 (RFC 8037) over canonical JSON.
"""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
    load_pem_public_key,
)

from payments.canonical import NotCanonical, canonical
from payments.x402.headers import decode_json
from payments.x402.reasons import Malformed

ALGORITHM = "EdDSA"
KEY_NAME = "key-1"
JWS_CHARACTERS_MAX = 64 * 1024
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class BadKey(ValueError):
    """The key is not what we sign with; the text says what was expected."""


class BadSignature(ValueError):
    """These bytes are not what the site signed, or nobody can say that they are."""


def did_web(base_url: str) -> str:
    """Name a site by its address: did:web writes a port's colon as %3A."""
    return "did:web:" + quote(urlsplit(base_url).netloc, safe="")


def did_document_url(did: str) -> str:
    """Where a site's public key is found; only a machine's own loopback goes without TLS."""
    method, _, name = did.partition("did:web:")
    host = unquote(name)
    if method or not host or ":" in name or any(mark in host for mark in "/@?#\\"):
        raise BadSignature("signed by no did:web of a site")
    scheme = "http" if urlsplit(f"//{host}").hostname in _LOOPBACK else "https"
    return f"{scheme}://{host}/.well-known/did.json"


def generate_pem() -> str:
    """Make a new receipt key, in the form that RECEIPT_KEY holds."""
    made = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    return made.decode("ascii")


def public_key_from_pem(pem: str) -> Ed25519PublicKey:
    """Read the public half of a receipt key, from either half's PEM."""
    if "PRIVATE KEY" in pem:
        return _private_key(pem).public_key()
    try:
        key = load_pem_public_key(pem.encode("utf-8"))
    except (ValueError, UnsupportedAlgorithm):
        raise BadKey("expected the PEM of an Ed25519 public key") from None
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey("expected an Ed25519 public key")
    return key


def _private_key(pem: str) -> Ed25519PrivateKey:
    try:
        key = load_pem_private_key(pem.encode("utf-8"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        # The text of the original error may quote the key.
        raise BadKey("expected the PEM of an Ed25519 private key, without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey("expected an Ed25519 private key")
    return key


@dataclass(frozen=True, slots=True)
class Signer:
    """The private half of the site's receipt key. Only the worker holds one."""

    did: str
    _key: Ed25519PrivateKey

    @classmethod
    def from_pem(cls, pem: str, did: str) -> Signer:
        return cls(did, _private_key(pem))

    @property
    def public_key(self) -> Ed25519PublicKey:
        return self._key.public_key()

    def sign(self, document: Mapping[str, Any], kind: str) -> str:
        """Sign a document; `kind` keeps a signed offer from passing for a receipt."""
        signed = f"{_header(self.did, kind)}.{_base64url(canonical(document))}"
        return f"{signed}.{_base64url(self._key.sign(signed.encode('ascii')))}"


@cache
def _header(did: str, kind: str) -> str:
    return _base64url(canonical({"alg": ALGORITHM, "kid": f"{did}#{KEY_NAME}", "typ": kind}))


def did_document(public_key: Ed25519PublicKey, did: str) -> dict[str, Any]:
    """Write what the site says of its own key."""
    name = f"{did}#{KEY_NAME}"
    raw = public_key.public_bytes(Encoding.Raw, PublicFormat.Raw)
    return {
        "@context": [
            "https://www.w3.org/ns/did/v1",
            "https://w3id.org/security/suites/jws-2020/v1",
        ],
        "id": did,
        "verificationMethod": [
            {
                "id": name,
                "type": "JsonWebKey2020",
                "controller": did,
                "publicKeyJwk": {"kty": "OKP", "crv": "Ed25519", "x": _base64url(raw)},
            }
        ],
        "assertionMethod": [name],
    }


@dataclass(frozen=True, slots=True)
class Signed:
    """A document, and the key that is named as its signer."""

    kid: str
    document: dict[str, Any]
    _signed: bytes
    _signature: bytes

    @property
    def did(self) -> str:
        return self.kid.partition("#")[0]


def read_jws(jws: str, kind: str) -> Signed:
    """Take a signed document apart. It is not checked yet: that is `verify_jws`."""
    parts = jws.strip().split(".")
    if len(jws) > JWS_CHARACTERS_MAX or len(parts) != 3:
        raise BadSignature("not a compact JWS of three parts")
    head, body, signature = parts
    header = _object(head)
    if header.get("alg") != ALGORITHM or header.get("typ") != kind or "crit" in header:
        raise BadSignature(f"not signed as a {kind} with {ALGORITHM}")
    kid = header.get("kid")
    if not isinstance(kid, str):
        raise BadSignature("the signature names no key")
    return Signed(kid, _object(body), f"{head}.{body}".encode("ascii"), _unbase64url(signature))


def verify_jws(signed: Signed, did_document: Mapping[str, Any]) -> None:
    """Check a signed document against its signer's own DID document, without any network."""
    if did_document.get("id") != signed.did:
        raise BadSignature(f"signed by {signed.did}, which is not whose key this is")
    try:
        _public_key_of(did_document, signed.kid).verify(signed._signature, signed._signed)
    except InvalidSignature:
        raise BadSignature("the signature does not fit: text or key is another") from None


def _public_key_of(document: Mapping[str, Any], kid: str) -> Ed25519PublicKey:
    trusted, methods = document.get("assertionMethod"), document.get("verificationMethod")
    if isinstance(trusted, list) and kid in trusted and isinstance(methods, list):
        for method in methods:
            jwk = method.get("publicKeyJwk") if isinstance(method, dict) else None
            if not isinstance(jwk, dict) or method.get("id") != kid:
                continue
            if (jwk.get("kty"), jwk.get("crv")) == ("OKP", "Ed25519"):
                return _ed25519(jwk.get("x"))
    raise BadSignature(f"the DID document has no Ed25519 key {kid} for assertions")


def _ed25519(x: object) -> Ed25519PublicKey:
    try:
        return Ed25519PublicKey.from_public_bytes(_unbase64url(x if isinstance(x, str) else ""))
    except ValueError:
        raise BadSignature("the DID document's key is not 32 bytes") from None


def _object(part: str) -> dict[str, Any]:
    raw = _unbase64url(part)
    try:
        document = decode_json(raw)
        if isinstance(document, dict) and canonical(document) == raw:
            return document
    except (Malformed, NotCanonical):
        pass
    raise BadSignature("not a canonical JSON object (RFC 8785)")


def _base64url(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _unbase64url(text: str) -> bytes:
    """Decode the one spelling of these bytes; a second spelling would be a second signature."""
    try:
        raw = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        raise BadSignature("not base64url") from None
    if _base64url(raw) != text:
        raise BadSignature("not base64url")
    return raw
