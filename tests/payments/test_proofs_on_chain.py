"""What only a chain can say: whether a contract wallet agrees, and whether a payment is there."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from marketplace.embedded.chain import CHAIN_ID
from payments.chains.evm import EvmChain
from payments.egress import open_trusted_client
from payments.receipts.checks import chain_check
from payments.receipts.issuing import VerifiedReceipt, verify
from payments.receipts.signing import did_document
from payments.wallets.questions import Question, challenge
from payments.wallets.siwx import Asker, NotProven, SiwxReason, proven_payer
from payments.x402.crypto import keccak256
from payments.x402.headers import payment_of
from payments.x402.networks import checksum
from payments.x402.schemes import SCHEMES
from payments.x402.types import Authorization, Requirements
from tests.fixtures.cast import Cast
from tests.fixtures.chain import Chain
from tests.fixtures.purchases import NETWORK, USDC, Purchases
from tests.fixtures.wallet import authorize

MULTICALL = "0xcA11bde05977b3631167028862bE2a173976CA11"
URI = "http://127.0.0.1:8402/p/019aa3b4-0000-7000-8000-000000000001/answer"
SECRET = b"s" * 32


def open_evm(rpc_url: str) -> EvmChain:
    return EvmChain(
        NETWORK,
        CHAIN_ID,
        [rpc_url],
        open_client=open_trusted_client,
        multicall=MULTICALL,
        timeout_seconds=5.0,
        response_bytes_max=1_000_000,
    )


@pytest.fixture
async def evm(chain: Chain) -> AsyncIterator[EvmChain]:
    opened = open_evm(chain.rpc_url)
    yield opened
    await opened.close()


# A contract wallet -------------------------------------------------------------------------------


class ContractWallet:
    """A wallet without a key: its code says yes to one text and no to every other."""

    def __init__(self, chain: Chain) -> None:
        self.address = checksum(os.urandom(20))
        self.question = challenge(SECRET, uri=URI, network=NETWORK, now=int(time.time()))
        info = self.question["info"]
        text = Question(URI, NETWORK, info["nonce"], int(info["nonce"][:8], 16)).text(self.address)
        shown = b"\x19Ethereum Signed Message:\n" + str(len(text)).encode() + text.encode()
        # return 0x1626ba7e << 224 times (the first argument equals this digest)
        code = (
            "631626ba7e60e01b" + "7f" + keccak256(shown).hex() + "600435" + "14" + "02" + "5f52"
            "60205ff3"
        )
        chain.rpc("anvil_setCode", [self.address, "0x" + code])

    def proof(self, **changes: Any) -> str:
        fields = {
            **self.question["info"],
            **self.question["supportedChains"][0],
            "address": self.address,
            "signature": "0x" + b"whatever the wallet understands".hex(),
        }
        return base64.b64encode(json.dumps(fields | changes).encode()).decode()


async def prove(
    purchases: Purchases, wallet: ContractWallet, evm: EvmChain | None, header: str = ""
) -> str:
    return await proven_payer(
        header or wallet.proof(),
        payer=wallet.address,
        uri=URI,
        network=NETWORK,
        secret=SECRET,
        now=int(time.time()),
        pool=purchases.pool,
        chain=evm,
        asker=Asker("", 0),
    )


async def test_a_contract_wallet_answers_for_itself(
    purchases: Purchases, chain: Chain, evm: EvmChain
) -> None:
    wallet = ContractWallet(chain)
    assert await prove(purchases, wallet, evm) == wallet.address


async def test_a_contract_wallet_that_says_no_proves_nothing(
    purchases: Purchases, chain: Chain, evm: EvmChain
) -> None:
    wallet, other = ContractWallet(chain), ContractWallet(chain)
    unknown = wallet.proof(**other.question["info"])
    with pytest.raises(NotProven) as refused:
        await prove(purchases, wallet, evm, unknown)
    assert refused.value.reason == SiwxReason.SIGNATURE


async def test_a_contract_wallet_that_reverts_says_no(
    purchases: Purchases, chain: Chain, evm: EvmChain
) -> None:
    wallet = ContractWallet(chain)
    chain.rpc("anvil_setCode", [wallet.address, "0x5f5ffd"])
    with pytest.raises(NotProven) as refused:
        await prove(purchases, wallet, evm)
    assert refused.value.reason == SiwxReason.SIGNATURE


async def test_an_address_without_code_or_key_proves_nothing(
    purchases: Purchases, chain: Chain, evm: EvmChain
) -> None:
    wallet = ContractWallet(chain)
    chain.rpc("anvil_setCode", [wallet.address, "0x"])
    with pytest.raises(NotProven) as refused:
        await prove(purchases, wallet, evm)
    assert refused.value.reason == SiwxReason.SIGNATURE


async def test_a_silent_chain_is_no_verdict_about_a_wallet_and_burns_no_question(
    purchases: Purchases, chain: Chain, evm: EvmChain
) -> None:
    wallet, silent = ContractWallet(chain), open_evm("http://127.0.0.1:9")
    try:
        with pytest.raises(NotProven) as refused:
            await prove(purchases, wallet, silent)
    finally:
        await silent.close()
    assert refused.value.reason == SiwxReason.VERIFIER_ERROR
    assert await prove(purchases, wallet, evm) == wallet.address


# A receipt ---------------------------------------------------------------------------------------


def _signed(pay_to: str) -> Authorization:
    offer = Requirements(
        "exact", NETWORK, 2_000, USDC, pay_to, 300, {"name": "USDC", "version": "2"}
    )
    quoted = {"accepts": [offer.to_wire()], "resource": {"url": URI}}
    return SCHEMES["exact"].parse(payment_of(authorize(quoted, Cast.buyer)))


async def _receipted(
    purchases: Purchases, chain: Chain, *, moved: Authorization, named: Authorization
) -> VerifiedReceipt:
    """A receipt for `named`, whose transaction carries out `moved`."""
    chain.fund(Cast.buyer.address, 1)
    call = SCHEMES["exact"].transfer_call(moved, USDC, payer_has_code=False)
    mined = chain.receipt(chain.send(USDC, "0x" + call.data.hex()))
    assert int(mined["status"], 16) == 1
    payment_id = await purchases.claim(payer=named.payer, pay_to=named.pay_to, authorization=named)
    await purchases.answer(payment_id)
    await purchases.settle(
        payment_id,
        int(mined["blockNumber"], 16),
        bytes.fromhex(mined["blockHash"][2:]),
        bytes.fromhex(mined["transactionHash"][2:]),
    )
    await purchases.confirm(payment_id, head_number=chain.height)
    (jws,) = await purchases.receipts(payment_id)
    return verify(jws, did_document(purchases.signer.public_key, purchases.signer.did))


async def test_the_chain_confirms_the_very_payment(
    purchases: Purchases, chain: Chain, evm: EvmChain
) -> None:
    signed = _signed(Cast.seller.address)
    receipt = await _receipted(purchases, chain, moved=signed, named=signed)
    check = await chain_check(receipt, evm)
    assert check.passed is True, check.text


async def test_another_payment_of_the_same_sum_does_not_confirm_it(
    purchases: Purchases, chain: Chain, evm: EvmChain
) -> None:
    moved, named = _signed(Cast.seller.address), _signed(Cast.seller.address)
    receipt = await _receipted(purchases, chain, moved=moved, named=named)
    assert (await chain_check(receipt, evm)).passed is False


async def test_a_payment_that_a_reorg_took_is_not_confirmed(
    purchases: Purchases, chain: Chain, evm: EvmChain
) -> None:
    signed = _signed(Cast.seller.address)
    receipt = await _receipted(purchases, chain, moved=signed, named=signed)
    chain.reorg(1)
    assert (await chain_check(receipt, evm)).passed is False


async def test_a_silent_chain_is_no_verdict_about_a_payment(
    purchases: Purchases, chain: Chain
) -> None:
    signed = _signed(Cast.seller.address)
    receipt = await _receipted(purchases, chain, moved=signed, named=signed)
    silent = open_evm("http://127.0.0.1:9")
    try:
        assert (await chain_check(receipt, silent)).passed is None
    finally:
        await silent.close()
