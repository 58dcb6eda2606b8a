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
    from marketplace.calls.asking import ask
    from marketplace.calls.shares import Share
    place = Share(room.at_work, sold.path)
    early = Attempt(sold.listing_id, 1, presented.authorization.payer, "early", body, place)
    await ask(room, sold, early, request, None)
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
        "each promise of a wallet is looked at by itself",
        (
            (
                "payments/exposure/exposure.py",
                "                min(int(self.payer * unit), purse),\n",
                "                int(self.payer * unit),\n",
            ),
        ),
        "tests/faults/test_one_purse.py"
        "::test_a_wallet_that_holds_three_prices_is_worked_for_three_times",
        r"'settlement_pending': ([4-9]|10)\b",
    ),
    Mutant(
        "a receipt's status is taken for proof",
        (
            (
                "payments/settling/evidence.py",
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
                "payments/facilitators/failover.py",
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
                "payments/facilitators/settling.py",
                "            end = read_receipt(row, receipt)\n",
                BELIEVED,
            ),
            (
                "payments/facilitators/settling.py",
                "from payments.settling.evidence import Proof,",
                "from payments.settling.evidence import End, Proof,",
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
                "payments/exposure/risk.py",
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
    Mutant(
        "a reorganisation leaves the ledger as it was",
        (
            (
                "payments/settling/outcomes.py",
                "            await ledger.reverse(connection, [row.payment_id])\n",
                "",
            ),
        ),
        "tests/faults/test_random_moves.py",
        r"I-14: .* with \{",
    ),
    Mutant(
        "one block is deep enough for a receipt",
        (
            (
                "payments/settling/settlement.py",
                "        elif depth >= desk.terms.confirmations:",
                "        elif depth >= 1:",
            ),
        ),
        "tests/payments/test_depth.py::test_it_is_final_at_its_depth_and_not_a_block_before",
        r"'answered confirmed'",
    ),
    Mutant(
        "a refund is proven by money that went to somebody else",
        (
            (
                "payments/refunds/proof.py",
                "            if log.topics[2] == wanted:",
                "            if log.topics[2]:",
            ),
        ),
        "tests/payments/disputes/test_refunds.py::test_what_proves_nothing_says_why",
        r"assert 'seen' == 'refused'",
    ),
    Mutant(
        "a refund in the newest block is booked",
        (
            (
                "payments/refunds/booking.py",
                "    needed = confirmations(refund.network)",
                "    needed = 1",
            ),
        ),
        "tests/payments/disputes/test_refunds.py"
        "::test_a_named_refund_closes_the_case_once_it_is_deep_enough",
        r"assert 'confirmed' == 'seen'",
    ),
    Mutant(
        "work is taken up though somebody is at it",
        (
            (
                "payments/moves.py",
                'LEASE_OVER = sql.SQL(" and lease_until < clock_timestamp()")',
                'LEASE_OVER = sql.SQL("")',
            ),
        ),
        "tests/faults/test_dropped.py::test_nobody_takes_it_up_while_it_is_at_work",
        r"assert not True",
    ),
    Mutant(
        "an attempt that is long over stores its answer",
        (
            (
                "payments/moves.py",
                "g.payment_id = m.id and g.attempt = m.attempt\n",
                "g.payment_id = m.id\n",
            ),
        ),
        "tests/faults/test_dropped.py::test_it_waits_for_its_buyer_and_is_taken_up_once",
        r"assert \[True\] == \[False\]",
    ),
    Mutant(
        "of a name's addresses the first alone is judged",
        (
            (
                "payments/egress/clients.py",
                "        for address in addresses:\n",
                "        for address in addresses[:1]:\n",
            ),
        ),
        "tests/payments/test_egress.py::test_a_name_with_one_good_and_one_bad_address_is_refused",
        r"isinstance\(Reply\(",
    ),
    Mutant(
        "an address that no name led to is not judged",
        (
            (
                "payments/egress/clients.py",
                "        rule.judge(ip_address(host), int(port))\n",
                "",
            ),
        ),
        "tests/payments/test_egress.py::test_the_socket_itself_is_judged_when_no_url_was",
        r"DID NOT RAISE .*EgressRefused",
    ),
    Mutant(
        "one node's word is enough for a large sum",
        (
            (
                "payments/settling/evidence.py",
                "        if amount_atomic >= agree_above_atomic:",
                "        if False:",
            ),
        ),
        "tests/payments/chains/test_endpoints.py"
        "::test_what_a_node_said_before_proves_nothing_unless_they_agree_on_that",
        r"assert True is False",
    ),
    Mutant(
        "of nodes that disagree the first is believed",
        (
            (
                "payments/chains/evm.py",
                "        if len(found) >= min(2, len(said)) and not differ:",
                "        if len(found) >= min(2, len(said)):",
            ),
        ),
        "tests/payments/chains/test_endpoints.py"
        "::test_a_receipt_they_see_differently_leaves_the_question_open",
        r"DID NOT RAISE .*ChainUnavailable",
    ),
)
