"""A wallet proves that it is somebody's, by signing one text of ours (EIP-4361), once.

    text = challenge(Purpose.PAYOUT, address, subject="atlas", chain_id=84532)
    proof = proven(text, signature, Purpose.PAYOUT, subject="atlas")  # may ask the chain
    with transaction.atomic():
        burn(proof)  # refused when it was used before; what the proof is for comes after it
        ...

Nothing is stored when we ask: the nonce carries its time and our seal over everything else. The
text that comes back is compared, byte for byte, with the one that is written anew from our own
values. A proof is worth nothing before it is burnt in the transaction that acts on it.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from urllib.parse import urlsplit

from asgiref.sync import async_to_sync
from django.db import connection, transaction

from payments.chains import ChainUnavailable
from payments.wallets.nonces import BURN
from payments.wallets.signed_texts import SignedBy, read_signature, signed_by
from payments.wiring.keys import sign_in_secret
from payments.wiring.networks import networks, open_chain
from payments.wiring.site import public_url
from payments.x402.networks import address_bytes, chain_id_of, checksum

GOOD_SECONDS = 600  # a hardware wallet is found, plugged in and unlocked
SKEW_SECONDS = 60  # between our own hosts: it is our time that comes back
TEXT_CHARACTERS_MAX = 1_000

_PLAIN = "This costs nothing and moves no money."
_SUBJECT = re.compile(r"[A-Za-z0-9._@+-]{1,150}")
_FORM = re.compile(
    r"[^\n]* wants you to sign in with your Ethereum account:\n(?P<address>0x[0-9a-fA-F]{40})\n\n"
    r"[^\n]*\n\nURI: [^\n]*\nVersion: 1\nChain ID: (?P<chain_id>[1-9][0-9]{0,18})\n"
    r"Nonce: (?P<nonce>(?P<issued>[0-9a-f]{8})[0-9a-f]{56})\n"
    r"Issued At: [^\n]*\nExpiration Time: [^\n]*"
)


class Purpose(Enum):
    """What a signature is for, as the wallet shows it. One is never good for another."""

    SIGN_IN = "Sign in."
    LINK = "Link this wallet to the account {subject}, which can then be entered with it."
    LINK_TO_PAY = "Link this wallet to the account {subject}, to pay and not to enter it."
    PAYOUT = "Prove that this wallet is yours, so that the seller {subject} can be paid to it."


class NotProven(Exception):
    """The signature proves nothing; one kind of refusal, whatever the reason."""


class CannotAsk(Exception):
    """The wallet is a contract and its chain does not answer: no verdict, try again later."""


@dataclass(frozen=True, slots=True)
class Proof:
    """That an address is whoever's signed. Burn it before you believe it.

    `network` is empty for a wallet with a key of its own, which is the same everywhere. A
    contract vouches for itself on its own chain only: elsewhere its address may be another's.
    """

    address: str
    network: str
    nonce: str
    issued: int


def challenge(
    purpose: Purpose,
    address: str,
    *,
    subject: str = "",
    chain_id: int | None = None,
    now: int | None = None,
) -> str:
    """The exact text that this wallet has to sign.

    `subject` is who it is for, in words that stand in the text: an account's or a seller's name.
    `chain_id` is where the wallet is; one that we do not settle becomes the first that we do.
    ValueError for what is no address or cannot stand in such a text.
    """
    issued = int(time.time()) if now is None else now
    settled = _chain_ids()
    if chain_id not in settled:
        chain_id = next(iter(settled), 1)
    entropy = issued.to_bytes(4, "big") + os.urandom(12)
    return _text(purpose, checksum(address_bytes(address)), subject, chain_id, entropy)


def proven(
    text: str, signature: str, purpose: Purpose, *, subject: str = "", now: int | None = None
) -> Proof:
    """The proof that this signature is, or NotProven. Never call it inside a transaction."""
    asked = _FORM.fullmatch(text) if len(text) <= TEXT_CHARACTERS_MAX else None
    raw = read_signature(signature)
    if asked is None or raw is None:
        raise NotProven
    address, chain_id = checksum(address_bytes(asked["address"])), int(asked["chain_id"])
    entropy = bytes.fromhex(asked["nonce"])[:16]
    ours = _text(purpose, address, subject, chain_id, entropy)
    if not hmac.compare_digest(ours.encode(), text.encode(errors="replace")):
        raise NotProven
    issued, seconds = int(asked["issued"], 16), int(time.time()) if now is None else now
    if not issued - SKEW_SECONDS <= seconds <= issued + GOOD_SECONDS:
        raise NotProven
    network = _chain_ids().get(chain_id, "")
    signer = async_to_sync(_signed_by)(address, text, raw, network)
    if signer is None:
        raise NotProven
    return Proof(address, network if signer is SignedBy.CONTRACT else "", asked["nonce"], issued)


def as_written(text: str) -> str:
    """A text that a form or a file brought back, with the line ends it was written with."""
    return text.replace("\r\n", "\n").strip()


def burn(proof: Proof) -> None:
    """Use a proof up, in the transaction that acts on it; NotProven when somebody was quicker."""
    if not connection.in_atomic_block:
        raise transaction.TransactionManagementError("a proof is burnt where it is acted on")
    with connection.cursor() as cursor:
        cursor.execute(BURN, (bytes.fromhex(proof.nonce), proof.issued + GOOD_SECONDS))
        if cursor.fetchone() is None:
            raise NotProven


async def _signed_by(address: str, text: str, signature: bytes, network: str) -> SignedBy | None:
    """Keys first: their answer needs no chain."""
    signer = await signed_by(address, text, signature, None)
    if signer is not None or not network:
        return signer
    chain = open_chain(network)
    try:
        return await signed_by(address, text, signature, chain)
    except ChainUnavailable:
        raise CannotAsk from None
    finally:
        await chain.close()


def _chain_ids() -> dict[int, str]:
    return {chain_id_of(network): network for network in networks()}


def _text(purpose: Purpose, address: str, subject: str, chain_id: int, entropy: bytes) -> str:
    statement = purpose.value
    if "{subject}" in statement:
        if not _SUBJECT.fullmatch(subject):
            raise ValueError("a subject is up to 150 letters, digits and . _ @ + -")
        statement = statement.format(subject=subject)
    uri = public_url("/")
    issued = int.from_bytes(entropy[:4], "big")
    said = f"{purpose.name}\n{uri}\n{address}\n{subject}\n{chain_id}"
    nonce = (entropy + _seal(entropy, said)).hex()
    return (
        f"{urlsplit(uri).netloc} wants you to sign in with your Ethereum account:\n{address}\n\n"
        f"{statement} {_PLAIN}\n\n"
        f"URI: {uri}\nVersion: 1\nChain ID: {chain_id}\nNonce: {nonce}\n"
        f"Issued At: {_utc(issued)}\nExpiration Time: {_utc(issued + GOOD_SECONDS)}"
    )


def _seal(entropy: bytes, said: str) -> bytes:
    sealed = b"souk wallet\x00" + entropy + said.encode("utf-8")
    return hmac.digest(sign_in_secret(), sealed, hashlib.sha256)[:16]


def _utc(unix: int) -> str:
    return datetime.fromtimestamp(unix, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
