"""The keys and secrets that processes are given, and what is made of them."""

from __future__ import annotations

import hashlib
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from payments.receipts.signing import (
    Signer,
    did_document,
    did_web,
    generate_pem,
    public_key_from_pem,
)
from payments.relaying.relayer import Keyring
from payments.wiring.networks import networks
from payments.x402.networks import NETWORKS

_SIGNING_KEYS_KEPT_MAX = 4_096  # one for each listing that is called


def keyring(network: str) -> Keyring:
    """Only the worker calls this: no other process needs the relayer's key."""
    chain = settings.CHAINS[network]
    keys = list(chain["RELAYER_KEYS"])
    for name in chain["RELAYER_KEY_FILES"]:
        try:
            keys += Path(name).read_text(encoding="utf-8").split()
        except OSError as error:
            raise ImproperlyConfigured(
                f"CHAINS[{network}][RELAYER_KEY_FILES] names {name!r}, which cannot be read"
                f" ({error.strerror})."
            ) from None
    try:
        return Keyring(network, NETWORKS[network].chain_id, keys)
    except ValueError:
        raise ImproperlyConfigured(
            f"CHAINS[{network}] holds a relayer key that is no private key: expected 32 bytes"
            " of hex."
        ) from None


@cache
def receipt_signer() -> Signer:
    if settings.RECEIPT_KEY:
        return Signer.from_pem(settings.RECEIPT_KEY, did_web(settings.PUBLIC_BASE_URL))
    if settings.DEVELOPMENT:
        return Signer.from_pem(generate_pem(), did_web(settings.PUBLIC_BASE_URL))
    raise ImproperlyConfigured(
        "RECEIPT_KEY is missing; expected an Ed25519 key in PEM in the file RECEIPT_KEY_FILE."
    )


def insist_on_keys() -> None:
    """What a worker cannot settle without; one that lacks it would look well and move nothing."""
    try:
        receipt_signer()
    except ValueError:
        raise ImproperlyConfigured("RECEIPT_KEY is no Ed25519 key in PEM.") from None
    for network in networks():
        keyring(network)


def offer_signer() -> Signer | None:
    """Who signs quotes: nobody without RECEIPT_KEY, as a key made up here would verify nowhere."""
    return receipt_signer() if settings.RECEIPT_KEY else None


def receipt_key_document() -> dict[str, Any]:
    """What this site says of its receipt key; needs its public half only."""
    pem = settings.RECEIPT_PUBLIC_KEY
    key = public_key_from_pem(pem) if pem else receipt_signer().public_key
    return did_document(key, did_web(settings.PUBLIC_BASE_URL))


def count_secret() -> bytes:
    """What hides whom a count is of; every process of the site has the same."""
    return settings.SECRET_KEY.encode()


def sign_in_secret() -> bytes:
    """What seals the questions that wallets answer; every process of the site has the same."""
    return hashlib.sha256(f"souk sign-in-with-x {settings.SECRET_KEY}".encode()).digest()


def upstream_signing_key(listing_id: str) -> bytes:
    """The key with which a listing's upstream can check that a call came from here."""
    return _signing_key(settings.SECRET_KEY, listing_id)


@lru_cache(maxsize=_SIGNING_KEYS_KEPT_MAX)
def _signing_key(secret: str, listing_id: str) -> bytes:
    return hashlib.sha256(f"souk upstream {listing_id} {secret}".encode()).digest()
