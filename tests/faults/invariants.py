"""The invariants of payments, asserted from the chain's logs, the rows and the upstream's calls.

Nothing here is shared with the code under test: the chain is read by `record`, the database by
plain SQL, the upstream by the `Witness` that stood beside it.
"""

from __future__ import annotations

import base64
import hashlib
import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

import psycopg
from eth_utils import keccak
from psycopg.rows import dict_row

from tests.faults import record
from tests.fixtures.chain import Chain
from tests.fixtures.looking import Looking

MULTICALL = "0xca11bde05977b3631167028862be2a173976ca11"
# transferWithAuthorization with (v, r, s) and with bytes; aggregate3. A filler has no data.
TRANSFER_WITH = "address,address,uint256,uint256,uint256,bytes32"
PERMITTED = {
    keccak(text=f"transferWithAuthorization({TRANSFER_WITH},uint8,bytes32,bytes32)")[:4],
    keccak(text=f"transferWithAuthorization({TRANSFER_WITH},bytes)")[:4],
    keccak(text="aggregate3((address,bool,bytes)[])")[:4],
}
PAID = ("settled", "confirmed")

Row = dict[str, Any]


@dataclass
class Witness:
    """Stands at the upstream: was there a committed claim when the call arrived? And upfront,
    had the money moved?"""

    database_url: str
    looking: Looking = field(default_factory=Looking)
    calls: list[tuple[str, bool]] = field(default_factory=list)

    def look(self, payment: str | None) -> None:
        query = (
            "select 1 from payments_payment p join payments_progress g on g.payment_id = p.id"
            " where p.id::text = %s"
            " and (p.release <> 'upfront' or g.money in ('settled', 'confirmed'))"
        )
        found = self.looking.rows(self.database_url, query, payment)
        self.calls.append((str(payment), bool(found)))


@dataclass
class Books:
    """Everything that was written down, read at one moment."""

    payments: list[Row]
    steps: dict[Any, list[Row]]
    transfers: dict[Any, list[Row]]
    answers: dict[Any, Row]
    broadcasts: list[Row]
    submissions: dict[Any, list[Row]]
    relayers: list[Row]
    receipts: dict[Any, list[Row]]
    caps: dict[str, Row]
    losses: dict[Any, Row]
    refunds: dict[Any, list[Row]]


def read_books(database_url: str) -> Books:
    connecting = psycopg.connect(database_url, autocommit=True, row_factory=dict_row)
    with connecting as reading, reading.transaction():
        reading.execute("set transaction isolation level repeatable read")

        def rows(query: str) -> list[Row]:
            return reading.execute(query).fetchall()

        return Books(
            payments=rows(
                "select p.*, g.work, g.money, g.version, g.attempt, g.transaction, g.block_number,"
                " g.block_hash, g.relayer_id, g.relayer_nonce, g.closed_at, g.next_check_at,"
                " g.on_trust, g.collected_at"
                " from payments_payment p join payments_progress g on g.payment_id = p.id"
            ),
            steps=_by_payment(
                rows(
                    "select s.* from payments_step s join payments_payment p on p.id = s.payment_id"
                    " order by s.payment_id, s.version"
                )
            ),
            transfers=_by_payment(rows("select * from payments_transfer order by at")),
            answers={
                row["payment_id"]: row
                for row in rows(
                    "select a.*, b.body from payments_answer a left join payments_answerbody b"
                    " on b.payment_id = a.payment_id and b.keep_until = a.keep_until"
                )
            },
            broadcasts=rows("select * from payments_broadcast order by relayer_id, nonce, variant"),
            submissions=_by_payment(
                rows("select * from payments_submission order by payment_id, number")
            ),
            relayers=rows("select * from payments_relayer"),
            receipts=_by_payment(rows("select * from payments_receipt order by version")),
            caps={row["key"]: row for row in rows("select * from payments_cap")},
            losses={row["payment_id"]: row for row in rows("select * from payments_loss")},
            refunds=_by_payment(rows("select * from payments_refund order by named_at")),
        )


def _by_payment(rows: list[Row]) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = defaultdict(list)
    for row in rows:
        found[row["payment_id"]].append(row)
    return found


def check(
    database_url: str,
    *,
    chain: Chain | None = None,
    witness: Witness | None = None,
    settled: bool = True,
    final: bool = False,
) -> Books:
    """Assert everything that can be asserted now.

    `settled`: nothing is under way, so ledger and chain must agree to the last unit. `final`:
    every window is over at a final block, so every claim must have come to its end.
    """
    books = read_books(database_url)
    for rule in ROWS_ALONE:
        rule(books)
    if witness is not None:
        no_call_without_a_claim(books, witness)
    if chain is not None:
        moved = record.moved(chain)
        the_money_is_where_the_rows_say(books, moved, chain)
        what_failed_was_never_paid(books, moved)
        the_relayer_did_nothing_else(books, chain)
        refunds_are_on_chain(books, chain)
        if settled:
            every_number_is_mined(books, chain)
            ledger_equals_chain(books, moved)
    if final:
        every_claim_came_to_its_end(books)
    return books


def one_claim_an_identity(books: Books) -> None:
    """I-1, with the identity worked out anew from the full values."""
    seen: Counter[bytes] = Counter()
    for row in books.payments:
        chain_id = int(row["network"].partition(":")[2])
        told = chain_id.to_bytes(32, "big") + bytes.fromhex(row["asset"][2:])
        told += bytes.fromhex(row["payer"][2:]) + row["nonce"]
        assert row["identity"] == hashlib.sha256(told).digest()[:16], f"I-1: {row['id']}"
        seen[told] += 1
    assert [each for each, times in seen.items() if times > 1] == [], "I-1"


def one_purchase_an_identifier(books: Books) -> None:
    """A buyer's own name for a purchase stands for one as long as its answer is kept."""
    named: dict[tuple[str, bytes], Row] = {}
    for row in sorted(books.payments, key=lambda row: row["created_at"]):
        if row["identifier_hash"] and row["work"] != "void" and row["money"] != "failed":
            name = row["payer"], row["identifier_hash"]
            if before := named.get(name):
                kept = timedelta(days=before["answer_keep_days"])
                assert row["created_at"] - before["created_at"] >= kept, f"twice: {row['id']}"
            named[name] = row


def at_most_one_answer(books: Books) -> None:
    """I-3: work becomes `answered` once, and never again."""
    for payment, steps in books.steps.items():
        became = [
            after["version"]
            for before, after in itertools.pairwise(steps)
            if after["work"] == "answered" and before["work"] != "answered"
        ]
        assert len(became) <= 1, f"I-3: {payment} was answered at {became}"
        assert (payment in books.answers) == bool(became), f"I-3: {payment}"


def who_was_charged_has_an_answer_or_a_refund_due(books: Books) -> None:
    """I-4."""
    for row in books.payments:
        if row["money"] not in PAID:
            continue
        answer = books.answers.get(row["id"])
        if row["work"] == "answered":
            assert answer is not None, f"I-4: {row['id']} is charged and has no answer"
            assert hashlib.sha256(answer["body"]).digest() == answer["body_hash"], "I-4"
            assert 200 <= answer["status"] < 300, "I-4: only a whole 2xx is billable"
        elif row["work"] == "open":  # paid upfront, and at the seller
            assert row["release"] == "upfront", f"I-4: {row['id']}"
        else:  # paid without an answer: booked, and owed for
            assert answer is None, f"I-4: {row['id']}"
            assert books.transfers.get(row["id"]), f"I-4: {row['id']} is not booked"
            if row["money"] == "confirmed":
                said = statement(books.receipts[row["id"]][-1])["status"]
                assert "refund due" in said, f"I-4: {row['id']}"


def bytes_were_stored(books: Books) -> None:
    """I-8, as far as rows can tell: whole, and under the hash that the chain will know."""
    for each in books.broadcasts:
        if each["raw"] is None:  # nobody sends it any more
            assert each["final_at"] is not None, "I-8"
        else:
            assert keccak(each["raw"]) == each["transaction"], "I-8"


def one_facilitator_may_have_it(books: Books) -> None:
    """Another facilitator is asked only while none before it can have submitted anything."""
    for payment, askings in books.submissions.items():
        assert [each["number"] for each in askings] == list(range(1, len(askings) + 1))
        bound = ""
        for each in askings:
            assert bound in ("", each["facilitator"]), f"{payment} went to two: {askings}"
            bound = each["facilitator"] if each["outcome"] != "unsent" else bound


def a_replacement_bids_an_eighth_more(books: Books) -> None:
    """All variants of a number are stored, each at least 12.5 % dearer than the one before."""
    before: Row | None = None
    for each in books.broadcasts:
        number = (each["relayer_id"], each["nonce"])
        if before is not None and number == (before["relayer_id"], before["nonce"]):
            assert each["variant"] == before["variant"] + 1
            for fee in ("max_fee_wei", "priority_fee_wei"):
                assert each[fee] * 8 >= before[fee] * 9, f"{number}: {fee}"
        else:
            assert each["variant"] == 0, f"{number} begins with variant {each['variant']}"
        before = each


def ledger_sums(books: Books) -> None:
    """I-14: a post less its reversal stands exactly while the payment is confirmed."""
    for row in books.payments:
        lines = _own_lines(books, row)
        assert {int(line["amount_atomic"]) for line in lines} <= {int(row["amount_atomic"])}
        assert {line["debit"] for line in lines} <= {f"buyer:{row['payer']}"}
        assert {line["credit"] for line in lines} <= {f"seller:{row['seller_id']}"}
        count = Counter(line["phase"] for line in lines)
        said = f"I-14: {row['id']} is {row['work']}, {row['money']} with {dict(count)}"
        assert count["post"] - count["reverse"] == (row["money"] == "confirmed"), said
        assert count["pending"] == bool(lines), said
        assert count["pending"] or row["work"] != "answered", said
        # One pending line, closed by its first post or by one void, and by nothing else.
        assert count["void"] == (row["money"] == "failed" and bool(lines) and not count["post"]), (
            said
        )


def _own_lines(books: Books, row: Row) -> list[Row]:
    """What is booked of a payment itself: from its buyer to its seller."""
    lines = books.transfers.get(row["id"], [])
    return [line for line in lines if line["debit"].startswith("buyer:")]


def refunds_are_booked(books: Books) -> None:
    """A confirmed refund is one line the other way; with all others it is no more than was paid."""
    for row in books.payments:
        lines = [line for line in books.transfers.get(row["id"], []) if _is_back(row, line)]
        assert len(lines) + len(_own_lines(books, row)) == len(books.transfers.get(row["id"], []))
        booked: Counter[bytes] = Counter()
        for line in lines:
            sign = {"refund": 1, "reverse": -1}[line["phase"]]
            booked[bytes(line["transaction"])] += sign * int(line["amount_atomic"])
        proven: Counter[bytes] = Counter()
        for each in books.refunds.get(row["id"], []):
            if each["state"] == "confirmed":
                proven[bytes(each["transaction"])] += int(each["amount_atomic"])
        assert +booked == +proven, f"refunds of {row['id']}: booked {booked}, proven {proven}"
        assert sum(proven.values()) <= int(row["amount_atomic"]), f"{row['id']}: too much is back"
    places = [
        (each["network"], bytes(each["transaction"]), each["log_place"])
        for found in books.refunds.values()
        for each in found
        if each["log_place"] is not None
    ]
    assert len(places) == len(set(places)), "a transfer proves one refund"


def _is_back(payment: Row, line: Row) -> bool:
    seller, buyer = f"seller:{payment['seller_id']}", f"buyer:{payment['payer']}"
    return (line["debit"], line["credit"]) == (seller, buyer)


def refunds_are_on_chain(books: Books, chain: Chain) -> None:
    """Each is a transfer of that token to the payer, at that place of that block's transaction."""
    payers = {row["id"]: row["payer"] for row in books.payments}
    for payment, found in books.refunds.items():
        for each in found:
            if each["state"] != "confirmed":
                continue
            receipt = chain.receipt("0x" + each["transaction"].hex())
            assert int(receipt["status"], 16) == 1
            assert receipt["blockHash"] == "0x" + each["block_hash"].hex()
            log = receipt["logs"][each["log_place"]]
            assert log["topics"][0] == record.TRANSFER
            assert log["address"].lower() == each["asset"].lower()
            assert record.address(log["topics"][1]) == each["sender"]
            assert record.address(log["topics"][2]) == payers[payment]
            assert int(log["data"], 16) == int(each["amount_atomic"])


def every_change_left_its_step(books: Books) -> None:
    """I-23: versions without a gap, and the last step says what the row says."""
    for row in books.payments:
        steps = books.steps[row["id"]]
        versions = [step["version"] for step in steps]
        assert versions == list(range(1, row["version"] + 1)), f"I-23: {row['id']} {versions}"
        assert (steps[-1]["work"], steps[-1]["money"]) == (row["work"], row["money"]), "I-23"


def caps_hold_what_is_at_risk(books: Books) -> None:
    """I-16: each counter is exactly the sum of what is out and not yet paid.

    Those of what a limited wallet spent hold what was paid as well.
    """
    wanted: Counter[str] = Counter()
    for row in books.payments:
        at_risk = row["work"] != "void" and row["money"] in ("none", "broadcast")
        for key in row["caps"]:
            if at_risk or (key.startswith("spent:") and row["money"] in PAID):
                wanted[key] += int(row["amount_atomic"])
    assert _sums(books, "used_atomic") == dict(wanted), "I-16"


def what_left_on_trust_is_counted_apart(books: Books) -> None:
    """I-16 for instant release: out on trust, or lost on trust and not forgiven yet."""
    wanted: Counter[str] = Counter()
    for row in books.payments:
        is_lost = (row["work"], row["money"]) == ("answered", "failed")
        loss = books.losses.get(row["id"])
        assert (loss is not None) == (is_lost and row["on_trust"]), f"I-16: {row['id']}"
        at_risk = row["work"] != "void" and row["money"] in ("none", "broadcast")
        if row["on_trust"] and (at_risk or (loss and loss["forgiven_at"] is None)):
            for key in row["caps"]:
                wanted[key] += int(row["amount_atomic"])
        # An answer of ours leaves unpaid in one way only.
        if row["collected_at"] and row["money"] in ("none", "broadcast", "failed"):
            before = {step["money"] for step in books.steps[row["id"]]}
            assert row["on_trust"] or before & set(PAID), f"I-16: {row['id']} left unpaid"
    assert _sums(books, "on_trust_atomic") == dict(wanted), "I-16"


def trust_is_what_was_confirmed(books: Books) -> None:
    """A payer is trusted with what they paid before, until an answer of theirs stays unpaid."""
    earned: Counter[str] = Counter()
    lost: set[str] = set()
    for row in books.payments:
        keys = [key for key in row["caps"] if key.startswith("payer:")]
        if row["money"] == "confirmed":
            earned.update({key: int(row["amount_atomic"]) for key in keys})
        if (row["work"], row["money"]) == ("answered", "failed"):
            lost.update(keys)
    assert _sums(books, "earned_atomic") == dict(earned), "trust"
    assert {key for key, row in books.caps.items() if row["lost_at"]} == lost, "trust"


def _sums(books: Books, column: str) -> dict[str, int]:
    return {key: int(row[column]) for key, row in books.caps.items() if row[column]}


ROWS_ALONE: tuple[Callable[[Books], None], ...] = (
    one_claim_an_identity,
    one_purchase_an_identifier,
    at_most_one_answer,
    who_was_charged_has_an_answer_or_a_refund_due,
    bytes_were_stored,
    one_facilitator_may_have_it,
    a_replacement_bids_an_eighth_more,
    ledger_sums,
    refunds_are_booked,
    every_change_left_its_step,
    caps_hold_what_is_at_risk,
    what_left_on_trust_is_counted_apart,
    trust_is_what_was_confirmed,
)


def no_call_without_a_claim(books: Books, witness: Witness) -> None:
    """I-2: the claim was committed, and visible to everybody, when the call arrived."""
    early = [payment for payment, claimed in witness.calls if not claimed]
    assert early == [], "I-2"
    attempts = {str(row["id"]): row["attempt"] for row in books.payments}
    asked = Counter(payment for payment, _ in witness.calls)
    for payment, times in asked.items():
        assert times <= attempts[payment], f"I-2: {payment} was asked {times} times"


def the_money_is_where_the_rows_say(books: Books, moved: list[record.Moved], chain: Chain) -> None:
    """I-10 and I-13: paid means both events, exact, in a canonical block."""
    on_chain = {(each.token, each.payer, each.nonce): each for each in moved}
    paying: set[bytes] = set()  # each is of many payments
    for row in books.payments:
        if row["money"] not in PAID:
            continue
        proof = on_chain.get((row["asset"], row["payer"], row["nonce"]))
        assert proof is not None, f"I-10: {row['id']} is {row['money']} and was never paid"
        assert proof.pay_to == row["pay_to"], "I-10"
        assert proof.amount_atomic == int(row["amount_atomic"]), "I-10"
        assert proof.transaction == row["transaction"], "I-10"
        assert (proof.block_number, proof.block_hash) == (row["block_number"], row["block_hash"])
        paying.add(proof.transaction)
    for receipt in record.receipts(chain, paying):
        assert int(receipt["status"], 16) == 1, "I-10"


def what_failed_was_never_paid(books: Books, moved: list[record.Moved]) -> None:
    """I-11."""
    on_chain = {(each.token, each.payer, each.nonce) for each in moved}
    for row in books.payments:
        if row["money"] == "failed":
            assert (row["asset"], row["payer"], row["nonce"]) not in on_chain, f"I-11: {row['id']}"


def the_relayer_did_nothing_else(books: Books, chain: Chain) -> None:
    """I-8 and I-17: all that its key ever signed was stored before, and is of three kinds."""
    for relayer in books.relayers:
        assert chain.atomic_of(relayer["address"]) == 0, "I-17: the relayer holds tokens"
        own = [each for each in books.broadcasts if each["relayer_id"] == relayer["id"]]
        stored = {"0x" + each["transaction"].hex(): each for each in own}
        mined = record.mined(chain, [each["transaction"] for each in own])
        numbers = sorted(int(each["nonce"], 16) for each in mined)
        count = int(chain.rpc("eth_getTransactionCount", [relayer["address"], "latest"]), 16)
        assert numbers == list(range(count)), "I-8: something was mined and never stored"
        for each in mined:
            known, data = stored[each["hash"]], bytes.fromhex(each["input"][2:])
            if known["kind"] == "filler":
                assert (each["to"].lower(), data) == (relayer["address"].lower(), b""), "I-17"
            else:
                assert each["to"].lower() in (chain.dollar.lower(), MULTICALL), "I-17"
                assert data[:4] in PERMITTED, "I-17"
            assert int(each["value"], 16) == 0, "I-17"
            assert int(each["gas"], 16) == known["gas_limit"], "I-17"


def every_number_is_mined(books: Books, chain: Chain) -> None:
    """I-9: no allocated number waits, and no payment holds two at a time."""
    for relayer in books.relayers:
        asked = [relayer["address"], "latest"]
        mined = int(chain.rpc("eth_getTransactionCount", asked), 16)
        assert mined == relayer["next_nonce"], f"I-9: {mined} of {relayer['next_nonce']} are mined"
    blocks = {
        (each["relayer_id"], each["nonce"]): each["mined_block"]
        for each in books.broadcasts
        if each["mined_block"] is not None
    }
    addresses = {relayer["address"]: relayer["id"] for relayer in books.relayers}
    for payment, steps in books.steps.items():
        boarded = [
            (addresses[step["detail"]["relayer"]], step["detail"]["nonce"])
            for step in steps
            if "nonce" in step["detail"]
        ]
        for one, another in itertools.pairwise(boarded):
            assert one != another, f"I-9: {payment} took number {one} twice"
            assert blocks[one] < blocks[another], f"I-9: {payment} held {one} and {another}"


def ledger_equals_chain(books: Books, moved: list[record.Moved]) -> None:
    """I-15: confirmed receipts per token and payTo, against transfers that carry our nonces."""
    ours = {(row["asset"], row["payer"], row["nonce"]): row for row in books.payments}
    on_chain: Counter[tuple[str, str]] = Counter()
    for each in moved:
        if (each.token, each.payer, each.nonce) in ours:
            on_chain[each.token, each.pay_to] += each.amount_atomic
    receipted: Counter[tuple[str, str]] = Counter()
    for row in books.payments:
        if row["money"] == "confirmed":
            said = statement(books.receipts[row["id"]][-1])
            assert said["transaction"] == "0x" + row["transaction"].hex(), "I-13"
            assert said["block"]["hash"] == "0x" + row["block_hash"].hex(), "I-13"
            assert (said["payer"], said["payTo"]) == (row["payer"], row["pay_to"]), "I-13"
            receipted[row["asset"], row["pay_to"]] += int(said["amount"])
        elif books.receipts.get(row["id"]):
            assert not statement(books.receipts[row["id"]][-1])["transaction"], "I-13"
    states = {key: (row["work"], row["money"]) for key, row in ours.items()}
    unbooked = [each for each in moved if states.get(_key(each), PAID)[1] != "confirmed"]
    assert receipted == on_chain, f"I-15: on chain and not confirmed: {unbooked}"


def _key(each: record.Moved) -> tuple[str, str, bytes]:
    return each.token, each.payer, each.nonce


def every_claim_came_to_its_end(books: Books) -> None:
    """I-22, and nothing is kept of what could still be spent."""
    ends = {("answered", "confirmed"), ("void", "confirmed"), ("answered", "failed")}
    for row in books.payments:
        state = (row["work"], row["money"])
        assert state in ends | {("void", "failed")}, f"I-22: {row['id']} is {state}"
        assert row["closed_at"] is not None, f"I-22: {row['id']} is not closed"
        assert row["next_check_at"] is None, f"I-22: {row['id']} is looked at for ever"
        assert row["signature"] is None, f"I-22: the signature of {row['id']} is kept"
    used = _sums(books, "used_atomic")  # what limited wallets spent stays spent
    assert {key for key in used if not key.startswith("spent:")} == set(), "I-16"


def statement(receipt: Row) -> dict[str, Any]:
    """What a receipt says; that its signature holds is checked elsewhere."""
    payload = receipt["jws"].split(".")[1]
    return dict(json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4))))
