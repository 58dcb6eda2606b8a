"""The money takes long, or the buyer does not wait: never a second charge, never a new price."""

from __future__ import annotations

import signal
import socket
import struct
from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlsplit

from marketplace.calls.release import WAIT_TOGETHER_MAX
from tests.faults.market import HASTY, Market, Paper
from tests.faults.test_bought_stays_bought import change, edit
from tests.fixtures.ports import free_port
from tests.fixtures.stack import answers
from tests.fixtures.upstream import answer
from tests.fixtures.wallet import Said, ask, sign_in


def test_while_no_block_comes_the_buyer_is_told_to_wait(market: Market) -> None:
    sold = market.sell()
    paper = market.sign(sold, market.buyer(), named=True)
    market.chain.pause()

    said = market.send(paper)

    assert said.status == 503
    assert int(said.headers["retry-after"]) > 0
    assert said.settlement["success"] is False
    assert said.settlement["errorReason"] == "settlement_pending"
    assert said.settlement["transaction"].startswith("0x")
    assert "payment-required" not in said.headers
    status = ask(said.json["status_url"], headers={"Accept": "application/json"})
    assert status.status == 200
    assert status.json["payment"] == str(market.row(paper)["id"])
    assert market.send(paper, web=HASTY).status == 503

    market.chain.resume()

    assert market.until_answered(paper).status == 200
    assert market.paid(paper) == 10_000
    assert market.calls(sold) == 1


def test_whoever_is_told_to_wait_is_asked_for_the_proof_that_brings_the_answer(
    market: Market,
) -> None:
    """The same payment alone would not: it is public by then."""
    sold, buyer = market.sell(), market.buyer()
    paper = market.sign(sold, buyer)
    market.chain.pause()
    told = market.told_to_wait(paper)
    question = told.json["extensions"]["sign-in-with-x"]
    market.chain.resume()
    market.wait_money(paper, "settled", "confirmed")

    alone = market.send(paper)
    said = market.send(paper, **{"SIGN-IN-WITH-X": sign_in(question, buyer)})

    assert "signed afresh by the same wallet within" in told.json["detail"]
    assert (alone.status, alone.json["error"]) == (409, "already_used")
    assert said.status == 200
    assert market.paid(paper) == 10_000


def test_whoever_proves_too_often_is_told_to_wait_and_not_that_the_proof_is_wrong(
    market: Market,
) -> None:
    """What no key signed may be a contract's word: the chain is asked about so many a minute."""
    sold, buyer = market.sell(), market.buyer()
    paper = market.sign(sold, buyer)
    market.chain.pause()
    question = market.send(paper).json["extensions"]["sign-in-with-x"]
    market.chain.resume()
    market.confirm(paper)
    forged = sign_in(question, replace(market.buyer(), address=buyer.address))
    port = free_port()
    door = market.stack.start_web_as(port, SOUK_PROXY_HOPS="1", SOUK_WALLET_PROOFS_PER_MINUTE="1")

    def prove(proof: str) -> Said:
        told = {**paper.headers, "X-Forwarded-For": "81.2.69.142", "SIGN-IN-WITH-X": proof}
        return ask(f"http://127.0.0.1:{port}/call/{sold.path}", headers=told)

    try:
        market.wait(lambda: answers(port), f"the door on {port}")
        wrong, often = prove(forged), prove(forged)
        right = prove(sign_in(question, buyer))
    finally:
        door.send_signal(signal.SIGTERM)
        door.wait()

    assert (wrong.status, wrong.json["error"]) == (409, "already_used")
    assert (often.status, often.json["error"]) == (429, "too_often")
    assert 1 <= int(often.headers["retry-after"]) <= 60
    assert right.status == 200, "a key of its own costs the chain no question"


def test_while_the_first_call_waits_nobody_is_told_to_sign_afresh(market: Market) -> None:
    """It would be a second purchase."""
    sold, buyer = market.sell(), market.buyer()
    paper = market.sign(sold, buyer)
    market.chain.pause()
    first = market.sending(paper)
    market.wait_money(paper, "broadcast")
    others = [market.sending(paper) for _ in range(WAIT_TOGETHER_MAX)]
    market.wait(lambda: any(each.done() for each in others), "one who is not let wait")
    told = next(each.result() for each in others if each.done())
    waits = not first.done()
    market.chain.resume()

    assert waits
    assert (told.status, told.json["error"]) == (503, "settlement_pending")
    assert "Do not sign another" in told.json["detail"]
    assert first.result().status == 200


def test_whoever_gave_up_waiting_is_answered_by_a_fresh_payment(market: Market) -> None:
    """As a client does whose patience is shorter than the call: it signs anew and asks again."""
    sold, gate = market.gated()
    buyer = market.buyer()
    impatient, fresh = market.sign(sold, buyer), market.sign(sold, buyer)
    market.hang_up(impatient)
    again = market.sending(fresh, web=1)
    gate.open()

    said = again.result()

    assert said.status == 200
    assert said.headers["x-souk-joined"] == str(market.row(impatient)["id"])
    assert market.row(fresh) == {}, "the second authorization was never claimed"
    assert market.paid(fresh) == 10_000
    assert market.calls(sold) == 1
    third = market.sign(sold, buyer)
    assert "x-souk-joined" not in market.send(third).headers, "collected: the rule is spent"


def test_whoever_was_told_to_wait_is_answered_by_a_fresh_payment(market: Market) -> None:
    sold = market.sell()
    buyer = market.buyer("0.01")  # which the first payment takes to the last cent
    told, fresh = market.sign(sold, buyer), market.sign(sold, buyer)
    market.chain.pause()
    market.told_to_wait(told)
    market.chain.resume()
    market.wait_money(told, "settled", "confirmed")

    said = market.send(fresh)

    assert said.status == 200
    assert said.headers["x-souk-joined"] == str(market.row(told)["id"])
    assert market.paid(told) == 10_000


def test_a_download_that_breaks_off_leaves_the_answer_to_a_fresh_payment(market: Market) -> None:
    sold, buyer = market.sell(answer(b'"' + b"x" * 9_000_000 + b'"')), market.buyer()
    told = market.sign(sold, buyer, named=True)
    market.chain.pause()
    market.told_to_wait(told)
    market.chain.resume()
    market.wait_money(told, "settled", "confirmed")
    break_off(f"{market.stack.base_url}/p/{market.row(told)['id']}/answer", name_of(told))

    said = market.send(market.sign(sold, buyer))

    assert said.headers["x-souk-joined"] == str(market.row(told)["id"])
    assert len(said.body) == 9_000_002
    assert market.paid(told) == 10_000


def test_a_paid_download_that_breaks_off_leaves_the_answer_to_a_fresh_payment(
    market: Market,
) -> None:
    """It is on its way, and most of it is not there when its buyer hangs up."""
    sold, buyer = market.sell(answer(b'"%s"' % (b"x" * 9_000_000))), market.buyer()
    paper = market.sign(sold, buyer)

    line = begun(sold.url, paper.headers)
    line.close()
    market.wait(lambda: left(market, paper), "that it is seen")

    said = market.send(market.sign(sold, buyer))
    assert said.headers["x-souk-joined"] == str(market.row(paper)["id"])
    assert len(said.body) == 9_000_002
    assert (market.paid(paper), market.calls(sold)) == (10_000, 1)


def test_a_door_that_dies_while_a_joined_answer_leaves_costs_nobody_twice(market: Market) -> None:
    sold, buyer = market.sell(answer(b'"%s"' % (b"x" * 9_000_000))), market.buyer()
    paper = market.sign(sold, buyer)
    begun(sold.url, paper.headers).close()
    market.wait(lambda: left(market, paper), "that it is seen")
    line = begun(sold.url, market.sign(sold, buyer).headers)

    market.stack.kill(market.stack.webs[0])
    line.close()
    market.heal()
    market.wait(lambda: lapsed(market, paper), "the end of the lease")

    said = market.send(market.sign(sold, buyer))
    assert said.headers["x-souk-joined"] == str(market.row(paper)["id"])
    assert (market.paid(paper), market.calls(sold)) == (10_000, 1)


def left(market: Market, paper: Paper) -> bool:
    query = "select abandoned_at is not null from payments_progress where payment_id = %s"
    return market.stack.rows(query, market.row(paper)["id"]) == [(True,)]


def lapsed(market: Market, paper: Paper) -> bool:
    query = "select lease_until < clock_timestamp() from payments_progress where payment_id = %s"
    return market.stack.rows(query, market.row(paper)["id"]) == [(True,)]


def name_of(paper: Paper) -> str:
    return str(paper.payload["extensions"]["payment-identifier"]["info"]["id"])


def break_off(url: str, name: str) -> None:
    """Fetch an answer, and hang up when it has begun to come."""
    begun(url, {"X-Payment-Identifier": name}).close()


def begun(url: str, headers: Mapping[str, str]) -> socket.socket:
    """A line on which an answer has begun to come, and of which no more is read."""
    parts = urlsplit(url)
    line = socket.socket()
    line.settimeout(60)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    line.connect((parts.hostname or "", parts.port or 0))
    said = {"Host": parts.netloc, **headers}
    head = "".join(f"{name}: {value}\r\n" for name, value in said.items())
    line.sendall(f"GET {parts.path} HTTP/1.1\r\n{head}\r\n".encode())
    assert line.recv(1_000).startswith(b"HTTP/1.1 200")
    return line


def test_two_calls_that_both_still_wait_are_two_purchases(market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer()
    papers = [market.sign(sold, buyer), market.sign(sold, buyer)]
    asked = [market.sending(paper) for paper in papers]
    market.wait(lambda: market.calls(sold) == 2, "both calls")
    gate.open()

    assert [each.result().status for each in asked] == [200, 200]
    assert market.paid(papers[0]) == 20_000


def test_a_fresh_payment_can_insist_on_a_purchase_of_its_own(market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer()
    left, fresh = market.sign(sold, buyer), market.sign(sold, buyer)
    market.hang_up(left)
    gate.open()

    said = market.send(fresh, **{"X-Souk-Fresh": "1"})

    assert said.status == 200
    assert "x-souk-joined" not in said.headers
    assert market.paid(fresh) == 20_000


def test_two_fresh_payments_do_not_share_one_abandoned_answer(market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer()
    left, *fresh = (market.sign(sold, buyer) for _ in range(3))
    market.hang_up(left)
    asked = [market.sending(paper, web=web) for web, paper in enumerate(fresh)]
    gate.open()

    said = [each.result() for each in asked]

    assert [each.status for each in said] == [200, 200]
    assert sum("x-souk-joined" in each.headers for each in said) == 1
    assert market.paid(left) == 20_000


NAME = "pay_of_an_agent_that_lost_it"


def test_whoever_lost_an_answer_gets_it_for_a_fresh_payment_of_the_same_identifier(
    market: Market,
) -> None:
    """As an agent does that crashed with the answer in its hands, and knows only the name."""
    sold, buyer = market.sell(answer(b'{"bought":1}')), market.buyer()
    first = market.sign(sold, buyer, named=NAME)
    assert market.send(first).status == 200
    market.confirm(first)

    fresh = [market.sign(sold, buyer, named=NAME) for _ in range(3)]
    said = [market.send(paper, web=web % 2) for web, paper in enumerate(fresh[:2])]
    said.append(market.send(fresh[2], **{"X-Souk-Fresh": "1"}))

    payment = str(market.row(first)["id"])
    for each in said:
        assert (each.status, each.json) == (200, {"bought": 1})
        assert each.headers["x-souk-joined"] == payment
        assert each.settlement["transaction"] == "0x" + market.row(first)["transaction"].hex()
    assert [market.row(paper) for paper in fresh] == [{}] * 3, "none of them was claimed"
    assert market.paid(first) == 10_000
    assert market.calls(sold) == 1
    other = market.send(market.sign(sold, buyer, named="another_purchase"))
    assert "x-souk-joined" not in other.headers
    assert market.paid(first) == 20_000


def test_an_identifier_buys_once_though_the_wallet_is_empty_or_the_listing_another_by_now(
    market: Market,
) -> None:
    sold, buyer = market.sell(answer(b'{"bought":1}')), market.buyer("0.01")
    first = market.sign(sold, buyer, named=NAME)
    assert market.send(first).status == 200
    change(market, sold, edit)

    said = market.send(market.sign(sold, buyer, named=NAME), web=1)

    assert (said.status, said.json) == (200, {"bought": 1})
    assert market.calls(sold) == 1
    assert market.paid(first) == 10_000


def test_an_identifier_is_not_for_another_request_nor_another_wallet(market: Market) -> None:
    sold, other, buyer = market.sell(), market.sell(), market.buyer()
    assert market.send(market.sign(sold, buyer, named=NAME)).status == 200
    paper = market.sign(other, buyer, named=NAME)

    said = market.send(paper)

    assert (said.status, said.json["error"]) == (409, "identifier_used")
    assert not {"payment-required", "retry-after"} & said.headers.keys()
    assert market.row(paper) == {}
    assert market.calls(other) == 0
    theirs = market.send(market.sign(other, market.buyer(), named=NAME))
    assert theirs.status == 200
    assert "x-souk-joined" not in theirs.headers


def test_calls_of_one_identifier_that_all_still_wait_are_one_purchase(market: Market) -> None:
    sold, gate = market.gated()
    buyer = market.buyer()
    papers = [market.sign(sold, buyer, named=NAME) for _ in range(6)]
    asked = [market.sending(paper, web=n % 2) for n, paper in enumerate(papers)]
    market.wait(lambda: market.calls(sold), "the call")
    gate.open()

    said = [each.result() for each in asked]

    assert [each.status for each in said] == [200] * 6
    assert sum("x-souk-joined" in each.headers for each in said) == 5
    assert market.calls(sold) == 1
    assert market.paid(papers[0]) == 10_000
    assert sum(bool(market.row(paper)) for paper in papers) == 1


def test_an_identifier_whose_call_failed_buys_with_the_next_payment(market: Market) -> None:
    sold, buyer = market.sell(answer(b"broken", status=500)), market.buyer()
    failed, fresh = (market.sign(sold, buyer, named=NAME) for _ in range(2))
    assert market.send(failed).headers["x-payment-charged"].startswith("no")
    sold.answers(market.witnessed(answer(b'{"bought":2}')))

    said = market.send(fresh, web=1)

    assert (said.status, said.json) == (200, {"bought": 2})
    assert "x-souk-joined" not in said.headers
    again = market.send(failed)
    assert (again.status, again.json["error"]) == (409, "identifier_used")
    assert market.paid(fresh) == 10_000


def test_an_identifier_that_was_charged_without_an_answer_is_not_charged_again(
    market: Market,
) -> None:
    sold = market.sell(answer(b"broken", status=500), release="upfront")
    buyer = market.buyer()
    paid, fresh = (market.sign(sold, buyer, named=NAME) for _ in range(2))
    assert market.send(paid).headers["x-payment-charged"].startswith("yes")

    said = market.send(fresh)

    assert (said.status, said.json["error"]) == (409, "refund_due")
    assert "retry-after" not in said.headers
    assert market.row(fresh) == {}
    assert market.paid(paid) == 10_000
