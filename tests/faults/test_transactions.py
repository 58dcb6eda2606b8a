"""Our transactions get lost, stuck, overtaken and burnt; no number of ours stays open."""

from __future__ import annotations

from tests.faults import stranger
from tests.faults.market import HASTY, Market, Paper
from tests.fixtures.stack import Sold
from tests.fixtures.wallet import ask

GWEI = 10**9
MULTICALL = "0xcA11bde05977b3631167028862bE2a173976CA11"
KINDS = """
    select b.kind, b.variant, b.transaction, b.gas_cost_wei from payments_broadcast b
      join payments_progress g on g.relayer_id = b.relayer_id and g.relayer_nonce = b.nonce
     where g.payment_id = %s order by b.variant
"""

LITTLE_WEI = 2 * 10**15  # above SOUK_RELAYER_LOW_WEI; a few payments where gas costs 2 gwei
HALF_A_BATCH_WEI = 6 * 10**14  # five of ten payments in one transaction, at 1 gwei for its place
SEND = "eth_sendRawTransaction"
BIDS = """
    select b.nonce, b.gas_limit * b.max_fee_wei from payments_broadcast b
      join payments_progress g on g.relayer_id = b.relayer_id and g.relayer_nonce = b.nonce
     where g.payment_id = %s order by b.variant
"""
OLDER_THAN_STUCK = """
    select 1 from payments_broadcast b
      join payments_progress g on g.relayer_id = b.relayer_id and g.relayer_nonce = b.nonce
     where g.payment_id = %s and b.created_at < clock_timestamp() - interval '6 s'
"""
FILLED = """
    select b.transaction from payments_broadcast b
      join payments_progress g on g.relayer_id = b.relayer_id and g.relayer_nonce = b.nonce
      join payments_payment p on p.id = g.payment_id
     where p.nonce = %s and b.kind = 'filler' and b.mined_block is not null
"""


def waiting(market: Market, paper: Paper) -> str:
    """The hash of our transaction for this payment, in the pool or anywhere."""
    query = KINDS.replace("variant\n", "variant desc limit 1\n")
    found = market.stack.rows(query, market.row(paper)["id"])
    return "0x" + found[0][2].hex()


def in_the_pool(market: Market, paper: Paper) -> str:
    """Present it while no block comes, and wait until our transaction waits at the node."""
    market.chain.pause()
    market.told_to_wait(paper)
    sent = waiting(market, paper)
    market.wait(lambda: market.chain.rpc("eth_getTransactionByHash", [sent]), "the pool")
    return sent


def together(market: Market, sold: Sold, buyers: int) -> list[Paper]:
    """So many payments that are due at the same moment; the worker stands still."""
    papers = [market.sign(sold, market.buyer(), named=True) for _ in range(buyers)]
    market.stop(market.worker)
    for paper in papers:
        market.sending(paper)
    for paper in papers:
        market.wait_state(paper, ("answered", "none"))
    return papers


def test_a_dropped_transaction_is_sent_again(market: Market) -> None:
    paper = market.sign(market.sell(), market.buyer(), named=True)
    sent = in_the_pool(market, paper)
    market.chain.drop(sent)

    market.wait(lambda: market.chain.rpc("eth_getTransactionByHash", [sent]), "the same bytes")
    market.chain.resume()

    assert market.until_answered(paper).settlement["transaction"] == sent
    market.buy()


def test_a_stuck_transaction_is_bumped_under_the_same_number(market: Market) -> None:
    paper = market.sign(market.sell(), market.buyer(), named=True)
    sent = in_the_pool(market, paper)
    market.chain.rpc("anvil_setNextBlockBaseFeePerGas", [hex(3 * GWEI)])

    market.wait(lambda: _blocks_go_by(market) and waiting(market, paper) != sent, "a bump")
    market.chain.resume()

    said = market.until_answered(paper)
    found = market.stack.rows(KINDS, market.row(paper)["id"])
    assert len(found) > 1
    assert said.settlement["transaction"] in {"0x" + row[2].hex() for row in found[1:]}
    assert market.paid(paper) == 10_000
    market.buy()


def _blocks_go_by(market: Market) -> bool:
    """Blocks come that are too dear for us."""
    market.chain.rpc("anvil_setNextBlockBaseFeePerGas", [hex(3 * GWEI)])
    market.chain.mine()
    return True


def test_a_number_that_nobody_needs_is_filled(market: Market) -> None:
    paper = market.sign(market.sell(total_seconds=5), market.buyer(), named=True, seconds=20)
    market.rpc.drop("eth_sendRawTransaction", times=None)
    market.told_to_wait(paper)
    with market.later(21):
        market.hurry(paper)
        market.wait_state(paper, ("answered", "failed"))
        market.chain.rpc("anvil_setNextBlockBaseFeePerGas", [hex(3 * GWEI)])
        market.chain.mine()

        market.rpc.heal()

        market.wait(lambda: market.stack.rows(FILLED, paper.nonce), "the filler")
    filled = market.stack.rows(FILLED, paper.nonce)[0][0]
    market.chain.reorg(1)
    market.buy()
    assert market.chain.receipt("0x" + filled.hex()), "the filler is mined again"


def test_payments_of_one_moment_share_a_transaction(market: Market) -> None:
    papers = together(market, market.sell(), 6)
    market.go_on()

    for paper in papers:
        market.confirm(paper)
    assert len({waiting(market, paper) for paper in papers}) == 1
    assert market.stack.rows(KINDS, market.row(papers[0])["id"])[0][0] == "batch"
    assert market.paid(papers[0]) == 60_000


def test_a_front_run_member_leaves_its_batch_alone(market: Market) -> None:
    papers = together(market, market.sell(), 4)
    market.chain.pause()
    market.go_on()
    for paper in papers:
        market.wait_money(paper, "broadcast")
    ours = waiting(market, papers[0])
    theirs = stranger.submit(market, papers[0])
    market.chain.resume()

    for paper in papers:
        market.confirm(paper)
    booked = [market.row(paper)["transaction"].hex() for paper in papers]
    assert booked == [theirs[2:], *[ours[2:]] * 3]
    assert market.paid(papers[0]) == 40_000
    market.buy()


def test_a_burnt_batch_is_not_sent_again_as_it_was(market: Market) -> None:
    papers = together(market, market.sell(), 4)
    market.chain.pause()
    market.go_on()
    for paper in papers:
        market.wait_money(paper, "broadcast")
    burnt = waiting(market, papers[0])
    code = market.chain.rpc("eth_getCode", [MULTICALL, "latest"])
    market.chain.rpc("anvil_setCode", [MULTICALL, "0xfe"])
    market.chain.mine()
    market.chain.rpc("anvil_setCode", [MULTICALL, code])
    market.chain.resume()

    for paper in papers:
        market.confirm(paper)
    assert market.chain.receipt(burnt)["status"] == "0x0"
    assert len({waiting(market, paper) for paper in papers}) == 4, "each on its own"
    assert market.paid(papers[0]) == 40_000
    market.buy()


def test_a_relayer_without_gas_takes_no_new_payments(market: Market) -> None:
    sold, gate = market.gated()
    taken = market.sign(sold, market.buyer(), named=True)
    late = market.sign(sold, market.buyer(), named=True)
    asked = market.sending(taken, web=HASTY)
    market.wait(lambda: market.calls(sold), "the call")
    market.chain.set_balance(market.chain.relayer.address, 0)
    market.wait(lambda: ask(sold.url).status == 503, "the refusal")

    said = market.send(late)

    assert said.status == 503
    assert int(said.headers["retry-after"]) > 0
    assert market.row(late) == {}
    assert market.calls(sold) == 1
    gate.open()
    assert asked.result().status == 503
    market.heal()
    assert market.until_answered(taken).status == 200
    assert market.until_answered(late).status == 200


def test_a_relayer_that_a_dear_chain_would_soon_empty_takes_no_new_payments(
    market: Market,
) -> None:
    sold, gate = market.gated()
    taken = market.sign(sold, market.buyer(), named=True)
    late = market.sign(sold, market.buyer(), named=True)
    asked = market.sending(taken)
    market.wait(lambda: market.calls(sold), "the call")
    market.chain.rpc("anvil_setNextBlockBaseFeePerGas", [hex(2 * GWEI)])
    market.chain.mine()
    market.chain.set_balance(market.chain.relayer.address, LITTLE_WEI)
    market.wait(lambda: ask(sold.url).status == 503, "the refusal")

    assert market.send(late).status == 503
    assert market.row(late) == {}
    gate.open()
    assert asked.result().status == 200, "what is left pays for what was taken"
    market.heal()
    assert market.until_answered(late).status == 200


def test_a_batch_is_as_large_as_the_gas_money_allows(market: Market) -> None:
    sold, gate = market.gated()
    papers = [market.sign(sold, market.buyer(), named=True) for _ in range(10)]
    for paper in papers:
        market.sending(paper)
    market.wait(lambda: market.calls(sold) == len(papers), "the calls")
    market.chain.set_balance(market.chain.relayer.address, HALF_A_BATCH_WEI)
    market.wait(lambda: _seen_balance(market) == HALF_A_BATCH_WEI, "the balance")
    market.stop(market.worker)
    gate.open()
    for paper in papers:
        market.wait_state(paper, ("answered", "none"))
    market.go_on()

    market.wait(lambda: sum(market.money(paper) == "settled" for paper in papers) > 2, "some paid")
    market.heal()
    for paper in papers:
        market.confirm(paper)
    found = [market.stack.rows(BIDS, market.row(paper)["id"])[0] for paper in papers]
    assert all(most_wei <= HALF_A_BATCH_WEI for number, most_wei in found if number == found[0][0])
    assert len({number for number, _ in found}) > 1, "one transaction would have been too dear"
    market.buy()


def test_want_of_gas_money_raises_no_fee(market: Market) -> None:
    paper = market.sign(market.sell(), market.buyer(), named=True)
    market.rpc.lie("eth_getBalance", hex(10**20))  # it was there when it was looked at last
    market.chain.set_balance(market.chain.relayer.address, 0)
    market.told_to_wait(paper)
    market.wait(
        lambda: market.stack.rows(OLDER_THAN_STUCK, market.row(paper)["id"]) and _blocks(market),
        "a time in which a fee is raised",
    )
    sent = market.rpc.count(SEND)
    market.wait(lambda: market.rpc.count(SEND) > sent + 2, "it is sent again all the same")
    assert len(market.stack.rows(KINDS, market.row(paper)["id"])) == 1

    market.heal()
    assert market.until_answered(paper).status == 200
    market.buy()


def _blocks(market: Market) -> bool:
    market.chain.mine()
    return True


def _seen_balance(market: Market) -> int:
    address = market.chain.relayer.address
    found = market.stack.rows(
        "select balance_wei from payments_relayer where address = %s", address
    )
    return int(found[0][0])


def test_a_chain_that_stands_still_takes_no_new_payments(market: Market) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer(), named=True)
    market.chain.rpc("evm_setTime", [market.now - 700])
    market.chain.mine()
    market.wait(lambda: ask(sold.url).status == 503, "the refusal")

    said = market.send(paper)

    assert said.status == 503
    assert market.row(paper) == {}
    assert market.calls(sold) == 0

    market.chain.rpc("evm_setTime", [market.now])
    market.chain.mine()

    assert market.until_answered(paper).status == 200
