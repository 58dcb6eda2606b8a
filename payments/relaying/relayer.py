"""The key that pays gas: the next transaction number under a lock, sign, store; bump and fill.

The relayer never holds anybody's tokens and signs three things only: a token transfer that a
buyer authorized, many of them through the multicall, and an empty transfer to itself that fills
a number which nothing else needs any more.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from coincurve import PrivateKey

from payments.chains import Call, Chain, Fees
from payments.chains.abi import aggregate3
from payments.chains.transactions import Transaction
from payments.database.pool import Connection, Pool, one
from payments.database.row_locks import held
from payments.ids import new_id
from payments.models import Broadcast
from payments.x402.abi import selector
from payments.x402.crypto import keccak256
from payments.x402.networks import checksum
from payments.x402.schemes.exact_eip3009 import SELECTOR_CONTRACT_WALLET, SELECTOR_PLAIN

log = logging.getLogger(__name__)

KEY_BYTES = 32
FILLER_GAS = 21_000
BATCH_GAS = 60_000  # the transaction and the multicall itself
MEMBER_GAS = 100_000  # 42 000 measured in a batch of 50; first-time recipients cost more
TRANSACTION_GAS_MAX = 16_777_216  # EIP-7825
BUMP_NUMERATOR, BUMP_DENOMINATOR = 9, 8  # nodes want 12.5 % more on both fields

_TRANSFERS = frozenset({SELECTOR_PLAIN, SELECTOR_CONTRACT_WALLET})
_AGGREGATE3 = selector("aggregate3((address,bool,bytes)[])")


class Stopped(Exception):
    """This relayer must not sign: an operator has to look first."""


class NotPermitted(Exception):
    """A programming error: the relayer was asked to sign something it never signs."""


@dataclass(frozen=True, slots=True)
class Signed:
    """One of our transactions, as stored before it is sent."""

    id: UUID
    relayer_id: int
    nonce: int
    transaction: bytes
    raw: bytes


class Keyring:
    """The private keys of one network's relayers. Nothing else touches them."""

    def __init__(self, network: str, chain_id: int, keys: Sequence[str]) -> None:
        self.network = network
        self.chain_id = chain_id
        self._keys: Mapping[str, PrivateKey] = {_address(k): k for k in map(_key, keys)}

    def __repr__(self) -> str:
        return f"Keyring({self.network}, {len(self._keys)} keys)"

    @property
    def addresses(self) -> list[str]:
        return list(self._keys)

    def sign(self, address: str, nonce: int, call: Call, fees: Fees) -> tuple[bytes, bytes]:
        transaction = Transaction(
            self.chain_id, nonce, call.to, call.data, call.gas, fees.max_fee_wei,
            fees.priority_fee_wei,
        )  # fmt: skip
        signature = self._keys[address].sign_recoverable(transaction.digest, hasher=None)
        raw = transaction.signed(signature)
        return raw, keccak256(raw)


def _key(text: str) -> PrivateKey:
    """No error quotes the key."""
    try:
        secret = bytes.fromhex(text.lower().removeprefix("0x"))
    except ValueError:
        raise ValueError("a private key is written in hex") from None
    if len(secret) != KEY_BYTES:
        raise ValueError(f"a private key has {KEY_BYTES} bytes")
    return PrivateKey(secret)


def _address(key: PrivateKey) -> str:
    return checksum(keccak256(key.public_key.format(compressed=False)[1:])[12:])


def together(calls: Sequence[Call], multicall: str) -> Call:
    """Many transfers in one transaction; one that fails leaves the others alone."""
    gas = BATCH_GAS + MEMBER_GAS * len(calls)
    return Call(multicall, aggregate3([(call.to, call.data) for call in calls]), gas)


def filler(address: str) -> Call:
    """Nothing, to ourselves: it only uses the number up."""
    return Call(address, b"", FILLER_GAS)


def insist_permitted(call: Call, *, address: str, assets: frozenset[str], multicall: str) -> None:
    head = call.data[:4]
    permitted = (
        (call.to in assets and head in _TRANSFERS)
        or (call.to == multicall and head == _AGGREGATE3)
        or (call.to == address and not call.data)
    )
    if not permitted or call.gas > TRANSACTION_GAS_MAX:
        raise NotPermitted(f"{call.to} {head.hex()} with {call.gas} gas")


async def enlist(pool: Pool, chain: Chain, keyring: Keyring) -> None:
    """Every key has a row that counts its transactions; a new key starts where the chain stands."""
    for address in keyring.addresses:
        row = await one(
            pool,
            "select next_nonce from payments_relayer where network = %s and address = %s",
            (keyring.network, address),
        )
        if row is not None:
            await _stop_if_foreign(pool, chain, keyring.network, address)
        else:
            nonce = await chain.nonce(address, "pending")
            await one(
                pool,
                "insert into payments_relayer (network, address, next_nonce, stopped_why)"
                " values (%s, %s, %s, '') on conflict do nothing returning 1",
                (keyring.network, address, nonce),
            )


async def _stop_if_foreign(pool: Pool, chain: Chain, network: str, address: str) -> None:
    """Before anything is signed: has somebody else sent with this key while we were away?

    The chain is asked first, so a number we hand out meanwhile cannot look foreign.
    """
    mined = await chain.nonce(address, "latest")
    row = await one(
        pool,
        "update payments_relayer set stopped_why = %s"
        " where network = %s and address = %s and next_nonce < %s and stopped_why = ''"
        " returning next_nonce",
        (
            f"the chain has {mined} transactions of this key, more than we sent",
            network,
            address,
            mined,
        ),
    )
    if row is not None:
        log.critical("%s: relayer %s was used by somebody else; it is stopped", network, address)


@dataclass(frozen=True, slots=True)
class Seat:
    """A relayer row, locked, and the transaction number that is ours until the commit."""

    relayer_id: int
    address: str
    nonce: int
    spare_wei: int | None = None  # that nothing under way may need; None: nobody has looked


async def store(
    connection: Connection,
    keyring: Keyring,
    seat: Seat,
    call: Call,
    fees: Fees,
    kind: Broadcast.Kind,
    *,
    variant: int = 0,
) -> Signed:
    """Sign and store; the caller's commit comes before the first send."""
    raw, transaction = keyring.sign(seat.address, seat.nonce, call, fees)
    signed = Signed(new_id(), seat.relayer_id, seat.nonce, transaction, raw)
    await connection.execute(
        """
        insert into payments_broadcast (
            id, relayer_id, nonce, variant, kind, transaction, raw, gas_limit, max_fee_wei,
            priority_fee_wei, created_at)
        values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, clock_timestamp())
        """,
        (
            signed.id, seat.relayer_id, seat.nonce, variant, kind.value, transaction, raw,
            call.gas, fees.max_fee_wei, fees.priority_fee_wei,
        ),
    )  # fmt: skip
    return signed


def bumped(before: Fees, now: Fees, cap_wei: int) -> Fees | None:
    """What a replacement must bid, or None when that is above the operator's cap."""
    most = max(-(-before.max_fee_wei * BUMP_NUMERATOR // BUMP_DENOMINATOR), now.max_fee_wei)
    tip = max(
        -(-before.priority_fee_wei * BUMP_NUMERATOR // BUMP_DENOMINATOR), now.priority_fee_wei
    )
    if most > cap_wei:
        return None
    return Fees(most, min(tip, most), now.base_fee_wei)


async def mark_sent(pool: Pool, broadcasts: Sequence[UUID]) -> None:
    await one(
        pool,
        "with sent as (update payments_broadcast set sent_at = clock_timestamp()"
        " where id = any(%s) returning 1) select count(*) from sent",
        (list(broadcasts),),
    )


async def forget_block(connection: Connection, block_hash: bytes) -> None:
    """A reorg undid this block: whatever of ours was in it is waited for, and sent, again."""
    await connection.execute(
        "update payments_broadcast set mined_block = null, mined_hash = null, sent_at = null"
        " where mined_hash = %s and final_at is null",
        (block_hash,),
    )


async def stop_signing(pool: Pool, network: str, address: str, why: str) -> None:
    """Nothing is signed with this key any more until an operator has looked."""
    await one(
        pool,
        "update payments_relayer set stopped_why = %s"
        " where network = %s and address = %s and stopped_why = '' returning 1",
        (why, network, address),
    )


_ABOARD = (
    "(relayer_id, relayer_nonce) in (select relayer_id, nonce from dead) and money = 'broadcast'"
)


async def bury(pool: Pool, network: str, address: str, nonce: int) -> None:
    """A foreign transaction took this number for good: ours can never be mined under it.

    Its payments are looked at again at once, and go out under another key if there is one.
    """
    await one(
        pool,
        f"""
        with dead as (
            update payments_broadcast b set final_at = clock_timestamp()
              from payments_relayer r
             where r.id = b.relayer_id and r.network = %s and r.address = %s and b.nonce = %s
               and b.final_at is null
            returning b.relayer_id, b.nonce
        ), {held(_ABOARD)}, woken as (
            update payments_progress set next_check_at = clock_timestamp(), put_off = false
             where payment_id in (select payment_id from held) returning 1
        )
        select count(*) from woken
        """,  # noqa: S608 - composed of our own constants only
        (network, address, nonce),
    )
