"""The mistakes that money programs make, each as one small edit of ours.

A mutant names the edit, the test that must notice it, and the words in which it fails: one that
only crashes shows nothing.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Mutant:
    """One wrong variant of the program, and the test that tells it from the right one."""

    name: str
    edits: tuple[tuple[str, str, str], ...]  # file, what stands there, what stands there instead
    test: str
    says: str  # a regular expression, of what pytest says the test failed for


CALLED_EARLY = """    purchase = _purchase(sold, request, body)
    from marketplace.calls.attempt import _ask
    from marketplace.calls.shares import Share
    place = Share(room.at_work, sold.path)
    early = Attempt(sold.listing_id, 1, presented.authorization.payer, "early", body, place)
    await _ask(room, sold, early, request, None)
"""

BELIEVED = """            proof = Proof(transaction, receipt.block_number, receipt.block_hash)
            end = End(proof, receipt.block_number, "paid on chain")
"""

# What is moved against the rules breaks an invariant, or what the database holds its rows to.
MOVED = r"I-\d+|violates (check|unique) constraint"

MUTANTS = (
    Mutant(
        "the upstream is called before the claim",
        (
            (
                "marketplace/calls/paid_call.py",
                "    purchase = _purchase(sold, request, body)\n",
                CALLED_EARLY,
            ),
        ),
        "tests/faults/test_one_payment.py::test_fifty_askers_with_one_payment_buy_once",
        r"== \{200: 1, 409: 49\}|assert \d+ == 1\b",
    ),
    Mutant(
        "a receipt's status is taken for proof",
        (
            (
                "payments/evidence.py",
                "    if receipt.status == 1 and finding.evidence is Evidence.PAID:",
                "    if receipt.status == 1:",
            ),
        ),
        "tests/faults/test_lying_nodes.py::test_a_false_receipt_is_no_proof",
        r"Said\(status=200|\('answered', 'settled'\)|'settled' == 'broadcast'",
    ),
    Mutant(
        "payments of one identifier do not wait for each other",
        (("payments/acceptance/claiming.py", "        if names:\n", "        if not names:\n"),),
        "tests/faults/test_claims.py"
        "::test_of_many_with_one_identifier_in_many_processes_one_is_claimed",
        r"'taken'>: 8} != .*'taken'>: 5}",
    ),
    Mutant(
        "nothing in the database makes an identity unique",
        (
            (
                "payments/migrations/0001_initial.py",
                "models.BinaryField(max_length=16, unique=True)",
                "models.BinaryField(max_length=16)",
            ),
            ("payments/acceptance/claiming.py", "    on conflict (identity) do nothing\n", ""),
        ),
        "tests/faults/test_claims.py::test_twins_in_two_processes_are_one_claim",
        r"'taken'>: 4} != .*'taken'>: 1}",
    ),
    Mutant(
        "a move is guarded by the state and not by the version",
        (
            (
                "payments/moves.py",
                "where payment_id = %(payment_id)s and version = %(version)s {guard}",
                "where payment_id = %(payment_id)s and version >= %(version)s {guard}",
            ),
        ),
        "tests/faults/test_random_moves.py",
        MOVED,
    ),
    Mutant(
        "many move at once, guarded by nothing",
        (
            (
                "payments/moves.py",
                "where {is_held} and g.payment_id = m.id and g.version = m.version\n",
                "where {is_held} and g.payment_id = m.id\n",
            ),
        ),
        "tests/faults/test_random_moves.py",
        MOVED,
    ),
    Mutant(
        "a counter is read without its lock",
        (
            (
                "payments/acceptance/claiming.py",
                "     where key = any(%(cap_keys)s) order by key for update\n",
                "     where key = any(%(cap_keys)s) order by key\n",
            ),
        ),
        "tests/faults/test_claims.py::test_a_cap_admits_exactly_what_fits",
        r"'taken'>: \d+} != .*'taken'>: 12}",
    ),
    Mutant(
        "a counter that was swept away limits nothing",
        (
            (
                "payments/acceptance/claiming.py",
                "bool_and(l.key is not null and w.most >= l.used_atomic + w.running) as fits",
                "coalesce(bool_and(w.most >= l.used_atomic + w.running), true) as fits",
            ),
        ),
        "tests/payments/test_retention.py::test_a_swept_counter_is_made_again_by_the_next_claim",
        r"Right contains 1 more item",
    ),
    Mutant(
        "an outcome that is not known yet is a new 402",
        (
            (
                "marketplace/calls/release.py",
                "        return await pending(room, payment_id)",
                "        return Challenged(Reason.TRANSACTION_FAILED)",
            ),
        ),
        "tests/faults/test_waiting.py::test_while_no_block_comes_the_buyer_is_told_to_wait",
        r"assert 402 == 503",
    ),
    Mutant(
        "a burnt batch is sent again as it was",
        (
            (
                "payments/marks.py",
                "    update payments_progress set alone = true, next_check_at",
                "    update payments_progress set alone = alone, next_check_at",
            ),
        ),
        "tests/faults/test_transactions.py::test_a_burnt_batch_is_not_sent_again_as_it_was",
        r"each on its own",
    ),
    Mutant(
        "another facilitator is asked though the first may have submitted",
        (
            (
                "payments/failover.py",
                "if each.may_have_acted), None)",
                "if each.transaction), None)",
            ),
        ),
        "tests/payments/test_failover.py::test_who_may_have_acted_is_the_only_one_asked_again",
        r"assert '?\w+'? == 'first'",
    ),
    Mutant(
        "a facilitator's success is believed where its transaction is in a block",
        (
            (
                "payments/facilitators.py",
                "            end = read_receipt(row, receipt)\n",
                BELIEVED,
            ),
            (
                "payments/facilitators.py",
                "from payments.evidence import Proof,",
                "from payments.evidence import End, Proof,",
            ),
        ),
        "tests/faults/test_facilitators.py::test_the_transaction_of_somebody_else_is_no_proof",
        r"assert 200 == 503",
    ),
    Mutant(
        "a payer is trusted up to the cap, whatever they paid before",
        (
            (
                "payments/acceptance/claiming.py",
                "least(w.most_on_trust, l.earned)",
                "w.most_on_trust",
            ),
        ),
        "tests/faults/test_claims.py"
        "::test_a_payer_is_trusted_with_what_they_paid_and_with_no_more_than_the_cap",
        r"'taken'>: \d+} != .*'taken'>: 4}",
    ),
    Mutant(
        "what was lost makes room for the next loss at once",
        (
            (
                "payments/risk.py",
                "return self.used + int(unpaid(self.after))",
                "return self.used",
            ),
        ),
        "tests/faults/test_claims.py::test_what_was_lost_takes_up_room_until_it_is_forgiven",
        r"'taken_on_trust'> != .*'taken'>",
    ),
    Mutant(
        "upfront, the upstream is called before the money has moved",
        (("marketplace/calls/attempt.py", "        if attempt.upfront:", "        if False:"),),
        "tests/faults/test_upfront.py::test_the_money_moves_before_the_upstream_is_asked",
        r"assert \('open', 'none'\) in",
    ),
)
