"""A wallet that is a contract can burn what it is given to spend: it harms nobody else."""

from __future__ import annotations

import json
import signal
from decimal import Decimal

import pytest
from eth_abi import encode
from eth_utils import to_checksum_address

from marketplace.embedded.contracts import load_contract
from marketplace.embedded.ports import free_port
from payments.relaying.gas import NOBODY
from tests.faults.market import PAID, SHORT_SECONDS, Market, Paper, somebody
from tests.faults.stranger import drain
from tests.faults.test_transactions import KINDS, waiting
from tests.fixtures.cast import Cast, Person
from tests.fixtures.chain import CHECKOUT
from tests.fixtures.stack import NETWORK, answers
from tests.fixtures.wallet import Said, ask
from tests.payments.chains.cast import AGREES, BURNS

WALLET = CHECKOUT / "tests" / "contracts" / "wallet.json"
BUDGET = 3
A_DAY_WEI = 10**19
BURN = """
    insert into payments_gasuse (network, seller_id, day, gas_wei, payments)
    values (%s, %s, (now() at time zone 'utc')::date, %s, 1)
    on conflict (day, network, seller_id) do update set gas_wei = excluded.gas_wei returning 1
"""


@pytest.fixture
def wallet(market: Market) -> Person:
    return deployed(market)


def deployed(market: Market) -> Person:
    """A contract wallet with a dollar; its owner's key signs for it."""
    owner = somebody("owner")
    contract = load_contract(WALLET)
    market.chain.set_balance(Cast.attacker.address, 10**20)
    code = contract.creation + encode(["address"], [owner.address]).hex()
    sent = market.chain.send(None, code, sender=Cast.attacker.address)
    address = to_checksum_address(market.chain.receipt(sent)["contractAddress"])
    market.chain.fund(address, 1)
    return Person("wallet", address, owner.private_key)


def burning(market: Market, wallet: Person, *, on: bool) -> None:
    """Between two blocks, as if it had been decided in the one that is being made."""
    slot = json.loads(WALLET.read_text())["storage"]["burning"]
    market.chain.rpc("anvil_setStorageAt", [wallet.address, hex(slot), f"0x{int(on):064x}"])


def has_code(market: Market, person: Person, code: str) -> None:
    """As if the account had delegated to a contract with this code (EIP-7702)."""
    market.chain.rpc("anvil_setCode", [person.address, code])


def sends(market: Market, paper: Paper) -> int:
    query = "select count(*) from payments_step where payment_id = %s and money = 'broadcast'"
    return int(market.stack.rows(query, market.row(paper)["id"])[0][0])


def test_a_contract_wallet_pays_alone(market: Market, wallet: Person) -> None:
    paper = market.sign(market.sell(), wallet)

    assert market.send(paper).status == 200

    market.confirm(paper)
    assert market.stack.rows(KINDS, market.row(paper)["id"])[0][0] == "single"


def limited(market: Market, payer: str) -> None:
    """Its owner lets it pay for nothing."""
    market.stack.rows(
        "insert into payments_limit (payer, network, version, paused, allowed, blocked, name,"
        " changed_at) values (%s, '', 1, true, '[]', '[]', '', now()) returning 1",
        payer,
    )


def test_what_its_owner_allows_is_told_to_whoever_signed_and_to_nobody_else(
    market: Market, wallet: Person
) -> None:
    """Of a wallet that is a contract only the chain knows who signed."""
    sold, buyer = market.sell(), market.buyer()
    for payer in (wallet, buyer):
        limited(market, payer.address)
        told = market.send(market.sign(sold, payer))  # and the door knows the rules from now on
        assert (told.status, told.json["error"]) == (403, "wallet_paused_by_owner")
        junk = Person("stranger", payer.address, Cast.attacker.private_key)
        said = market.send(market.sign(sold, junk))
        assert said.status == 402, said.body
        assert said.challenge["error"].startswith("invalid_exact_evm_payload_signature")
    assert market.calls(sold) == 0


def test_a_wallet_that_burns_its_gas_harms_no_other_payment(market: Market, wallet: Person) -> None:
    sold = market.sell()
    market.stop(market.worker)
    burner = market.sign(sold, wallet, named=True, seconds=SHORT_SECONDS)
    others = [market.sign(sold, market.buyer(), named=True) for _ in range(5)]
    for paper in (burner, *others):
        market.sending(paper)
    for paper in (burner, *others):
        market.wait_state(paper, ("answered", "none"))
    market.chain.pause()
    market.go_on()
    for paper in (burner, *others):
        market.wait_money(paper, "broadcast")

    burning(market, wallet, on=True)
    market.chain.resume()

    for paper in others:
        market.confirm(paper)
    assert len({waiting(market, paper) for paper in others}) == 1, "they shared one"
    assert waiting(market, burner) != waiting(market, others[0]), "and it went alone"
    assert market.money(burner) == "broadcast"
    market.buy(sold)
    burning(market, wallet, on=False)
    market.hurry(burner)
    market.confirm(burner)
    assert market.paid(burner) == 70_000


def test_a_wallet_that_burns_again_and_again_is_not_sent_for_any_more(
    market: Market, wallet: Person
) -> None:
    """It passes every simulation and burns in every block: we stop paying for it."""
    sold = market.sell()
    market.chain.pause()
    burning(market, wallet, on=False)
    paper = market.sign(sold, wallet, named=True, seconds=SHORT_SECONDS)
    market.told_to_wait(paper)
    for time in range(1, BUDGET + 1):
        market.chain.pause()
        burning(market, wallet, on=False)
        market.hurry(paper)
        market.wait(lambda time=time: sends(market, paper) == time, f"send {time}")
        sent = waiting(market, paper)
        market.wait(
            lambda sent=sent: market.chain.rpc("eth_getTransactionByHash", [sent]), "the pool"
        )
        burning(market, wallet, on=True)
        market.chain.resume()
        market.wait(lambda sent=sent: market.chain.receipt(sent), "the burnt block")
        assert market.chain.receipt(sent)["status"] == "0x0"
        market.wait(lambda: _is_known_unpaid(market, paper), "our own look at it")
    burning(market, wallet, on=False)
    another = market.sign(sold, wallet)
    refused = market.send(another)
    assert refused.status == 503
    assert refused.json["error"] == "wallet_paused"
    market.hurry(paper)
    market.buy(sold)
    assert sends(market, paper) == BUDGET

    with market.later(SHORT_SECONDS + 1):
        market.hurry(paper)
        market.wait_state(paper, ("answered", "failed"))


def test_once_much_was_burnt_in_vain_contracts_that_never_paid_wait_and_nobody_else_does(
    market: Market, wallet: Person
) -> None:
    """Contracts are made as fast as they burn; they must not shut a seller's day."""
    sold, stranger = market.sell(), deployed(market)
    known = market.sign(sold, wallet)
    assert market.send(known).status == 200
    market.confirm(known)
    market.stack.rows(BURN, NETWORK, NOBODY, A_DAY_WEI)
    port = free_port()
    chains = json.loads(market.stack.environment["CHAINS"])
    chains[NETWORK]["SELLER_GAS_DAY_WEI"] = A_DAY_WEI
    door = market.stack.start_web_as(port, CHAINS=json.dumps(chains))

    def pay(who: Person) -> Said:
        url = f"http://127.0.0.1:{port}/call/{sold.path}"
        return ask(url, headers=market.sign(sold, who).headers)

    try:
        market.wait(lambda: answers(port), f"the door on {port}")
        refused = pay(stranger)
        assert (refused.status, refused.json["error"]) == (503, "wallet_paused")
        assert "gas was spent in vain" in refused.json["detail"]
        assert pay(wallet).status == 200, "it has paid before"
        assert pay(market.buyer()).status == 200, "it has a key of its own"
    finally:
        market.stack.rows("delete from payments_gasuse where seller_id = %s returning 1", NOBODY)
        door.send_signal(signal.SIGTERM)
        door.wait()


def test_an_account_that_got_code_after_it_paid_once_pays_alone(market: Market) -> None:
    """Doors and worker remember an account without code for half a minute."""
    sold, buyer = market.sell(), market.buyer()
    assert market.send(market.sign(sold, buyer)).status == 200
    papers = [market.sign(sold, payer, named=True) for payer in (buyer, *_buyers(market, 3))]
    has_code(market, buyer, AGREES)
    market.stop(market.worker)
    for paper in papers:
        market.sending(paper)
    for paper in papers:
        market.wait_state(paper, ("answered", "none"))
    claimed = "select payer_has_code from payments_payment where id = %s"
    assert market.stack.rows(claimed, market.row(papers[0])["id"]) == [(False,)]
    market.go_on()

    for paper in papers:
        market.confirm(paper)
    assert market.stack.rows(KINDS, market.row(papers[0])["id"])[0][0] == "single"
    assert len({waiting(market, paper) for paper in papers[1:]}) == 1, "the others shared one"


def test_an_account_that_has_code_only_while_it_is_paid_from_is_given_up(market: Market) -> None:
    sold, buyer = market.sell(), market.buyer()
    paper = market.sign(sold, buyer, named=True, seconds=SHORT_SECONDS)
    for time in range(1, BUDGET + 1):
        market.chain.pause()
        has_code(market, buyer, "0x")
        if time == 1:
            market.told_to_wait(paper)
        market.hurry(paper)
        market.wait(lambda time=time: sends(market, paper) == time, f"send {time}")
        sent = waiting(market, paper)
        market.wait(
            lambda sent=sent: market.chain.rpc("eth_getTransactionByHash", [sent]), "the pool"
        )
        has_code(market, buyer, BURNS)
        market.chain.resume()
        market.wait(lambda sent=sent: market.chain.receipt(sent), "the burnt block")
        assert market.chain.receipt(sent)["status"] == "0x0"
        market.wait(lambda: _is_known_unpaid(market, paper), "our own look at it")
    has_code(market, buyer, "0x")
    market.hurry(paper)
    market.buy(sold)
    assert sends(market, paper) == BUDGET
    another = market.sign(sold, buyer)
    market.wait(lambda: market.send(another).json.get("error") == "wallet_paused", "the refusal")

    with market.later(SHORT_SECONDS + 1):
        market.hurry(paper)
        market.wait_state(paper, ("answered", "failed"))


def test_a_purse_with_one_price_sends_one_payment_at_a_time(market: Market) -> None:
    """Each of them passes by itself: on chain all but the first would burn our gas."""
    sold, buyer = market.sell(), market.buyer("0.04")
    market.stop(market.worker)
    papers = [market.sign(sold, buyer, named=True, seconds=SHORT_SECONDS) for _ in range(4)]
    for paper in papers:
        market.sending(paper)
    for paper in papers:
        market.wait_state(paper, ("answered", "none"))
    market.chain.mined(drain(market, buyer))
    market.chain.fund(buyer.address, Decimal("0.01"))
    market.go_on()

    market.wait(lambda: market.paid(papers[0]) == 10_000, "the first")
    market.wait(lambda: any(market.money(paper) in PAID for paper in papers), "that it is known")
    _try_again(market, papers)
    assert sum(sends(market, paper) for paper in papers) == 1

    market.chain.fund(buyer.address, Decimal("0.01"))
    _try_again(market, papers)
    market.wait(lambda: market.paid(papers[0]) == 20_000, "the second")
    market.wait(lambda: sum(market.money(each) in PAID for each in papers) == 2, "it is known")
    _try_again(market, papers)
    assert sum(sends(market, paper) for paper in papers) == 2

    with market.later(SHORT_SECONDS + 1):
        for paper in papers:
            if market.money(paper) == "none":
                market.hurry(paper)
                market.wait_state(paper, ("answered", "failed"))


def test_a_purse_with_all_prices_sends_all_at_once(market: Market) -> None:
    sold, buyer = market.sell(), market.buyer("0.04")
    papers = [market.sign(sold, buyer, named=True) for _ in range(4)]
    market.stop(market.worker)
    for paper in papers:
        market.sending(paper)
    for paper in papers:
        market.wait_state(paper, ("answered", "none"))
    market.go_on()

    for paper in papers:
        market.confirm(paper)
    assert len({waiting(market, paper) for paper in papers}) == 1


def _buyers(market: Market, count: int) -> list[Person]:
    return [market.buyer() for _ in range(count)]


def _try_again(market: Market, papers: list[Paper]) -> None:
    """Have all of them looked at, and what comes after them."""
    for paper in papers:
        market.hurry(paper)
    market.buy()


def _is_known_unpaid(market: Market, paper: Paper) -> bool:
    query = "select 1 from payments_broadcast b join payments_progress g"
    query += " on g.relayer_id = b.relayer_id and g.relayer_nonce = b.nonce"
    query += " where g.payment_id = %s and b.mined_block is not null"
    return bool(market.stack.rows(query, market.row(paper)["id"]))
