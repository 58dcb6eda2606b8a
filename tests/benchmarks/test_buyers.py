"""The buyers' payments are good, and their client knows where an answer ends."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from eth_account import Account
from eth_account.messages import encode_typed_data

from tests.benchmarks.challenges import why_refused
from tests.benchmarks.load import Answered, Load, Target, is_complete
from tests.benchmarks.processes import memory_bytes, processor_seconds
from tests.benchmarks.profiling import frames, statements
from tests.benchmarks.signing import purses, sign_many
from tests.benchmarks.waiting import Failed
from tests.benchmarks.wrk import read_rate
from tests.fixtures.wallet import TERMS, pack, unpack

CHALLENGE = {
    "resource": {"url": "http://127.0.0.1/call/bench/hold"},
    "accepts": [
        {
            "scheme": "exact",
            "network": "eip155:84532",
            "amount": "1000",
            "asset": "0x036CbD53842c5426634e7929541eC2318f3dCF7e",
            "payTo": "0x209693Bc6afc0C5328bA36FaF03C514EF312287C",
            "maxTimeoutSeconds": 300,
            "extra": {"name": "USDC", "version": "2"},
        }
    ],
}


def test_each_payment_is_signed_by_its_wallet_and_no_two_are_alike():
    payers = purses(3)
    with ThreadPoolExecutor(1) as hands:
        signed = sign_many(CHALLENGE, payers, 5, hands)
    assert len({payment.nonce for payment in signed}) == 5
    for number, payment in enumerate(signed):
        document = unpack(payment.header.decode())
        assert document["accepted"] == CHALLENGE["accepts"][0]
        assert document["resource"] == CHALLENGE["resource"]
        given = document["payload"]["authorization"]
        assert given["nonce"] == f"0x{payment.nonce.hex()}"
        assert signer_of(document) == payers[number % 3].address == given["from"]


def signer_of(document):
    offer, given = document["accepted"], document["payload"]["authorization"]
    terms = {
        **given,
        **{name: int(given[name]) for name in ("value", "validAfter", "validBefore")},
        "nonce": bytes.fromhex(given["nonce"][2:]),
    }
    domain = {
        **offer["extra"],
        "chainId": int(offer["network"].partition(":")[2]),
        "verifyingContract": offer["asset"],
    }
    message = encode_typed_data(domain, {"TransferWithAuthorization": TERMS}, terms)
    return Account.recover_message(message, signature=document["payload"]["signature"])


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("answer", "complete"),
    [
        (HEAD + b"Content-Length: 2\r\n\r\nok", True),
        (HEAD + b"content-length: 2\r\n\r\nok", True),
        (HEAD + b"content-length: 3\r\n\r\nok", False),
        (HEAD + b"content-length: 2\r\n", False),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", True),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", False),
        (b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n", True),
    ],
    ids=["whole", "small letters", "cut", "in its head", "chunks", "chunks cut", "no body"],
)
def test_an_answer_ends_where_it_says(answer, complete):
    assert is_complete(answer) is complete


def test_refusals_are_counted_apart_from_answers():
    load = Load(Target(1, "/x"), [b"a", b"b"], connections=1)
    load.answer(0, 1.0, 2.0, HEAD + b"content-length: 0\r\n\r\n")
    load.answer(1, 1.0, 2.0, b"HTTP/1.1 402 Payment Required\r\n\r\n")
    assert load.outcome.answered == [Answered(0, 1.0, 2.0)]
    assert load.outcome.refused == {402: 1}
    assert b"PAYMENT-SIGNATURE: b\r\n\r\n" in load.requests[1]


def test_a_refusal_is_told_in_the_peers_own_words():
    proof = pack({"errorReason": "transaction_failed", "errorMessage": "nonce\n too low"})
    answer = f"HTTP/1.1 402 Payment Required\r\nPAYMENT-RESPONSE: {proof}\r\n\r\n{{}}"
    assert why_refused([answer]) == "transaction_failed nonce too low"
    assert why_refused(["HTTP/1.1 500 Oops\r\n\r\n"]) == "HTTP/1.1 500 Oops"
    assert why_refused([]) == ""


def test_a_process_is_seen_to_work(checkout):
    import os

    before = processor_seconds([os.getpid()])
    while processor_seconds([os.getpid()]) <= before:
        sum(range(10_000))
    assert memory_bytes([os.getpid()]) > 1_000_000


WRK = "  1000 requests in 1.00s, 1MB read\n{other}Requests/sec:    999.5\n"


def test_wrk_is_believed_when_every_answer_was_the_one_expected():
    other = "  Non-2xx or 3xx responses: 1000\n"
    assert read_rate(WRK.format(other=other), status=402) == 999.5
    assert read_rate(WRK.format(other=""), status=200) == 999.5
    with pytest.raises(Failed, match="1000 of 1000"):
        read_rate(WRK.format(other=other), status=200)
    with pytest.raises(Failed, match="0 of 1000"):
        read_rate(WRK.format(other=""), status=402)


def test_statements_are_added_up_from_the_databases_log():
    spent, count = statements(
        [
            "x LOG:  duration: 0.100 ms  bind _pg3_1: select 1",
            "x LOG:  duration: 0.200 ms  execute _pg3_1: select 1",
            "x LOG:  duration: 1.000 ms  statement: select",
            "\t2",
            "x LOG:  checkpoint starting",
        ]
    )
    assert count == {"select 1": 1, "select 2": 1}
    assert spent == {"select 1": pytest.approx(0.3), "select 2": 1.0}


def test_samples_are_added_up_by_function():
    own, whole, total = frames(["process 1:x;run (a.py:1);work (b.py:2) 3", "run (a.py:9) 1"])
    assert own == {"work (b.py)": 3, "run (a.py)": 1}
    assert whole["run (a.py)"] == 4
    assert total == 4
