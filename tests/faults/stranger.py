"""What others can do with a payment on chain: anybody who saw it, and its owner."""

from __future__ import annotations

from eth_account import Account

from marketplace.embedded.chain import CHAIN_ID, DOLLAR, DOLLAR_NAME, DOLLAR_VERSION, ONE_ETHER
from tests.faults.market import Market, Paper
from tests.fixtures.cast import Cast, Person
from tests.fixtures.chain import calldata

TERMS = "address,address,uint256,uint256,uint256,bytes32"
TRANSFER = f"transferWithAuthorization({TERMS},uint8,bytes32,bytes32)"
HASTE_WEI = 10**12  # what makes a transaction the first of its block


def submit(market: Market, paper: Paper, sender: str = Cast.attacker.address) -> str:
    """Carry out a buyer's authorization; it is public once it was seen anywhere."""
    terms, signature = paper.terms, paper.signature
    call = calldata(
        TRANSFER,
        terms["from"],
        terms["to"],
        int(terms["value"]),
        int(terms["validAfter"]),
        int(terms["validBefore"]),
        paper.nonce,
        signature[64],
        signature[:32],
        signature[32:64],
    )
    return _send(market, call, sender)


def cancel(market: Market, paper: Paper, payer: Person) -> str:
    """The payer takes the authorization back."""
    signed = Account.sign_typed_data(
        payer.private_key,
        {
            "name": DOLLAR_NAME,
            "version": DOLLAR_VERSION,
            "chainId": CHAIN_ID,
            "verifyingContract": DOLLAR,
        },
        {
            "CancelAuthorization": [
                {"name": "authorizer", "type": "address"},
                {"name": "nonce", "type": "bytes32"},
            ]
        },
        {"authorizer": payer.address, "nonce": paper.nonce},
    )
    kind = "cancelAuthorization(address,bytes32,bytes)"
    call = calldata(kind, payer.address, paper.nonce, signed.signature)
    return _send(market, call, Cast.attacker.address)


def drain(market: Market, payer: Person) -> str:
    """The payer spends all of their dollars elsewhere."""
    rest = market.chain.atomic_of(payer.address)
    return _send(
        market, calldata("transfer(address,uint256)", Cast.attacker.address, rest), payer.address
    )


def _send(market: Market, data: str, sender: str) -> str:
    """Ahead of everybody else in the next block; it waits in the pool while mining is paused."""
    chain = market.chain
    chain.set_balance(sender, ONE_ETHER * 1_000)
    chain.rpc("anvil_impersonateAccount", [sender])
    question = {
        "from": sender, "to": DOLLAR, "data": data, "gas": hex(300_000),
        "maxFeePerGas": hex(2 * HASTE_WEI), "maxPriorityFeePerGas": hex(HASTE_WEI),
    }  # fmt: skip
    sent = str(chain.rpc("eth_sendTransaction", [question]))
    if not chain.is_paused:
        market.wait(lambda: chain.receipt(sent), "the stranger's block")
    return sent
