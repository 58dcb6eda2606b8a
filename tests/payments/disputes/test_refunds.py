"""A refund is what the chain shows: from the seller, to the payer, deep enough, and only once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from pytest_django.fixtures import Settings

from payments.disputes.cases import Denied, DisputeRefused, move, why_not
from payments.models import Case, Dispute, Payment, Refund, Side
from payments.refunds import search as refund_search
from payments.refunds.naming import NAMED_MAX, name
from payments.x402.schemes.exact_eip3009 import identity
from payments.x402.types import Authorization
from tests.embedded.authorizations import Payment as Signed
from tests.fixtures.cast import Cast
from tests.fixtures.chain import calldata
from tests.fixtures.purchases import NETWORK, USDC
from tests.fixtures.rpc_proxy import RpcProxy
from tests.payments.disputes.conftest import CONFIRMATIONS, PAID, Till, over, progress_of, state


def kept(refund: Refund) -> Refund:
    return Refund.objects.get(pk=refund.pk)


def refused(till: Till, dispute: Dispute, transaction: str) -> str:
    refund = name(dispute, transaction, Side.SELLER)
    till.tend()
    assert kept(refund).state == "refused"
    assert till.lines(dispute.payment) == []
    return kept(refund).why


def test_a_named_refund_closes_the_case_once_it_is_deep_enough(till: Till) -> None:
    dispute = till.case()
    refund = name(dispute, till.send(PAID), Side.SELLER)
    till.tend(2)
    assert kept(refund).state == "seen"
    assert (state(dispute), till.lines(dispute.payment)) == (Case.OPEN, [])
    till.bury()
    till.tend(2)
    assert (kept(refund).state, state(dispute)) == ("confirmed", Case.REFUNDED)
    seller = f"seller:{dispute.seller_id}"
    assert till.lines(dispute.payment) == [("refund", seller, PAID)]
    till.check()
    denied = why_not(dispute.payment, progress_of(dispute.payment))
    assert denied is not None
    assert denied.why == Denied.ALREADY_REFUNDED
    till.chain.mine(64)
    till.tend()
    assert kept(refund).next_check_at is None, "it is final, and looked at no more"


def test_one_side_cannot_use_up_what_the_other_may_name(till: Till) -> None:
    dispute = till.case()
    for number in range(NAMED_MAX):
        name(dispute, f"{number + 1:064x}", Side.PAYER)
    with pytest.raises(DisputeRefused, match="you have named 20 transactions"):
        name(dispute, "ff" * 32, Side.PAYER)
    refund = name(dispute, till.send(PAID), Side.SELLER)
    till.bury()
    till.tend(3)
    assert (kept(refund).state, state(dispute)) == ("confirmed", Case.REFUNDED)


def test_the_exact_amount_is_found_without_a_word(till: Till) -> None:
    dispute, other = till.case(), till.case()
    till.send(PAID - 1)  # may be anything
    till.send(PAID)
    till.bury()
    till.tend(3)
    found = Refund.objects.get()
    assert (found.named_by, found.state) == (Side.CHAIN, "confirmed")
    assert sorted([state(dispute), state(other)]) == [Case.OPEN, Case.REFUNDED]


def test_a_search_that_is_behind_the_chain_goes_on_at_once(
    till: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refund_search, "SEARCH_BLOCKS_MAX", 20)
    dispute = till.case()
    till.chain.mine(20)
    till.send(PAID)
    till.bury()
    soon = timedelta(seconds=60)  # the usual time is five minutes
    till.tend()
    dispute.refresh_from_db()
    assert dispute.next_check_at is not None
    assert dispute.next_check_at < timezone.now() + soon
    assert not Refund.objects.exists()
    till.tend()
    dispute.refresh_from_db()
    assert dispute.next_check_at is not None
    assert dispute.next_check_at > timezone.now() + soon, "it has come to the newest block"
    assert Refund.objects.get().named_by == Side.CHAIN


def ordered(till: Till) -> Dispute:
    dispute = till.case()
    assert move(dispute, Case.REVIEW, Side.SELLER)
    assert move(dispute, Case.ORDERED, Side.ADMIN)
    return dispute


@pytest.mark.parametrize("is_paid", [True, False])
def test_a_deadline_waits_for_a_chain_that_cannot_say_what_was_sent(
    till: Till, settings: Settings, is_paid: bool
) -> None:
    dispute = ordered(till)
    if is_paid:
        till.send(PAID)
    reachable = settings.CHAINS
    settings.CHAINS = {NETWORK: {**reachable[NETWORK], "RPC": ["http://127.0.0.1:9"]}}
    over(dispute)
    till.tend(2)
    assert state(dispute) == Case.ORDERED, "unknown is not unpaid"
    settings.CHAINS = reachable
    till.bury()
    till.tend(3)
    assert state(dispute) == (Case.REFUNDED if is_paid else Case.UNPAID)


def test_blocks_that_a_node_has_forgotten_are_one_case_s_trouble(
    till: Till, settings: Settings, rpc_proxy: RpcProxy
) -> None:
    old = ordered(till)
    till.chain.mine(20)
    kept_from = till.chain.height
    young = ordered(till)
    till.send(PAID)
    till.bury()
    settings.CHAINS = {NETWORK: {**settings.CHAINS[NETWORK], "RPC": [rpc_proxy.url]}}
    rpc_proxy.refuse(
        "eth_getLogs", 4444, "pruned history unavailable", times=None,
        only=lambda asked: int(asked[0]["fromBlock"], 16) < kept_from,
    )  # fmt: skip
    over(young)
    Dispute.objects.filter(pk=old.pk).update(deadline_at=timezone.now() - timedelta(hours=23))
    till.tend(3)
    assert (state(old), state(young)) == (Case.ORDERED, Case.REFUNDED)
    over(old)
    till.tend()
    assert state(old) == Case.UNPAID, "a day after its end nobody has named a transfer"


def test_a_deadline_waits_while_a_refund_grows_deep_and_a_day_for_one_in_no_block(
    till: Till,
) -> None:
    sent, promised = ordered(till), ordered(till)
    name(sent, till.send(PAID), Side.SELLER)
    name(promised, "ab" * 32, Side.SELLER)
    for dispute in (sent, promised):
        an_hour_ago = timezone.now() - timedelta(hours=1)
        Dispute.objects.filter(pk=dispute.pk).update(deadline_at=an_hour_ago)
    till.tend(2)
    assert (state(sent), state(promised)) == (Case.ORDERED, Case.ORDERED)
    over(promised)
    till.bury()
    till.tend(2)
    assert (state(sent), state(promised)) == (Case.REFUNDED, Case.UNPAID)


def test_one_transfer_proves_one_refund(till: Till) -> None:
    first, second = till.case(), till.case()
    sent = till.send(PAID)
    refund, again = name(first, sent, Side.SELLER), name(second, sent, Side.SELLER)
    assert name(first, sent, Side.PAYER).pk == refund.pk
    till.bury()
    till.tend(2)
    assert (kept(refund).state, kept(again).state) == ("confirmed", "refused")
    assert "another refund" in kept(again).why
    assert till.lines(second.payment) == []


def test_parts_add_up(till: Till) -> None:
    dispute = till.case(amount=1_500)
    name(dispute, till.send(1_000), Side.SELLER)
    till.bury()
    till.tend(2)
    assert state(dispute) == Case.OPEN
    assert "0.0005 USDC" in dispute.steps.order_by("-version")[0].text
    name(dispute, till.send(500), Side.PAYER)
    till.bury()
    till.tend(2)
    assert state(dispute) == Case.REFUNDED
    assert [line[2] for line in till.lines(dispute.payment)] == [1_000, 500]
    till.check()
    again = till.case(dispute.payment, 500)  # of what is left
    assert "0.0005 USDC" in refused_over(till, again, 501)


def refused_over(till: Till, dispute: Dispute, amount: int) -> str:
    refund = name(dispute, till.send(amount), Side.SELLER)
    till.tend()
    assert kept(refund).state == "refused"
    return kept(refund).why


def test_what_proves_nothing_says_why(till: Till) -> None:
    before = till.send(PAID)
    till.chain.mine()
    dispute = till.case()
    assert "older than the payment" in refused(till, dispute, before)
    assert "left to give back" in refused(till, dispute, till.send(PAID + 1))
    assert "no transfer" in refused(till, dispute, till.send(PAID, to=Cast.attacker.address))
    stranger = till.send(PAID, by=Cast.other_seller.address)
    assert Cast.other_seller.address in refused(till, dispute, stranger)
    failed = till.chain.send(
        USDC, calldata("transfer(address,uint256)", Cast.buyer.address, 10**12), Cast.seller.address
    )
    assert "failed" in refused(till, dispute, failed)
    with pytest.raises(DisputeRefused):
        name(dispute, "0x12", Side.SELLER)
    till.proven.add(Cast.other_seller.address)  # they sign for it, and name it again
    again = name(dispute, stranger, Side.SELLER)
    till.tend()
    assert kept(again).state == "seen"


def test_a_payment_of_the_sellers_own_is_no_refund(till: Till) -> None:
    """They buy from their buyer, too: that money is not given back."""
    till.chain.fund(Cast.seller.address, 1)
    signed = Signed(Cast.seller, Cast.buyer.address, PAID)
    promise = Authorization(*signed.values[:5], signed.nonce, b"")
    dispute = till.case()
    till.paid(
        "answer",
        payer=Cast.seller.address,
        pay_to=Cast.buyer.address,
        authorization=promise,
        identity=identity(till.chain.chain_id, USDC, promise),
    )
    sent = till.chain.send(USDC, signed.call("joined"))
    assert "itself a payment" in refused(till, dispute, sent)
    other = till.chain.send(USDC, Signed(Cast.seller, Cast.buyer.address, PAID).call("joined"))
    refund = name(dispute, other, Side.SELLER)  # signed as well, and for nothing that is sold here
    till.tend()
    assert kept(refund).state == "seen"


def test_a_transaction_that_never_comes_is_given_up(till: Till) -> None:
    dispute = till.case()
    refund = name(dispute, "0x" + "77" * 32, Side.PAYER)
    till.tend()
    assert kept(refund).state == "named"
    Refund.objects.filter(pk=refund.pk).update(named_at="2020-01-01T00:00:00Z")
    till.tend()
    assert "no block" in kept(refund).why


def reorged(till: Till, depth: int) -> None:
    till.chain.reorg(depth)
    till.chain.mine(2)


def test_a_reorg_takes_a_refund_back_before_it_is_booked(till: Till) -> None:
    dispute = till.case()
    refund = name(dispute, till.send(PAID), Side.SELLER)
    till.tend()
    assert kept(refund).state == "seen"
    reorged(till, 1)
    till.tend()
    assert (kept(refund).state, kept(refund).log_place) == ("named", None)
    assert till.lines(dispute.payment) == []


def test_a_payment_in_no_block_holds_up_its_own_refund_alone(till: Till) -> None:
    dispute, other = till.case(), till.case()
    uprooted = name(dispute, till.send(PAID), Side.SELLER)
    refund = name(other, till.send(PAID), Side.SELLER)
    was = progress_of(dispute.payment)
    till.make_purchase(lambda purchases: purchases.uproot(dispute.payment_id))
    till.tend()
    assert (kept(uprooted).state, kept(refund).state) == ("named", "seen")
    place = (dispute.payment_id, was.block_number, bytes(was.block_hash or b""))
    till.make_purchase(lambda purchases: purchases.settle(*place))
    till.tend()
    assert kept(uprooted).state == "seen"


def test_a_refund_of_a_payment_that_failed_after_all_is_none(till: Till) -> None:
    dispute = till.case()
    refund = name(dispute, till.send(PAID), Side.SELLER)
    till.make_purchase(lambda purchases: purchases.uproot(dispute.payment_id))
    till.make_purchase(lambda purchases: purchases.fail(dispute.payment_id))
    till.tend()
    assert kept(refund).state == "refused"


def test_a_refund_in_a_block_that_came_in_anothers_place_is_found(till: Till) -> None:
    dispute = till.case()
    till.chain.mine(CONFIRMATIONS)
    till.tend()
    seen = till.chain.height
    till.chain.rpc("anvil_rollback", [CONFIRMATIONS])
    till.send(PAID)
    assert till.chain.height <= seen
    till.bury()
    till.tend(3)
    assert state(dispute) == Case.REFUNDED


@pytest.mark.parametrize("ordered", [False, True], ids=["promised", "ordered"])
def test_a_deep_reorg_reverses_a_booked_refund(till: Till, ordered: bool) -> None:
    dispute = till.case()
    if ordered:
        assert move(dispute, Case.REVIEW, Side.SELLER)
        assert move(dispute, Case.ORDERED, Side.ADMIN)
    name(dispute, till.send(PAID), Side.SELLER)
    till.bury()
    till.tend(2)
    assert state(dispute) == Case.REFUNDED
    reorged(till, 5)
    till.tend()
    assert state(dispute) == (Case.ORDERED if ordered else Case.DUE)
    seller = f"seller:{dispute.seller_id}"
    assert till.lines(dispute.payment) == [("refund", seller, PAID), ("reverse", seller, PAID)]
    till.check()
    assert dispute.deadline_at is not None
    again = till.send(PAID)  # and it is paid once more
    name(dispute, again, Side.SELLER)
    till.bury()
    till.tend(2)
    assert state(dispute) == Case.REFUNDED
    assert [line[0] for line in till.lines(dispute.payment)] == ["refund", "reverse", "refund"]


def test_a_late_refund_of_a_closed_case_is_booked(till: Till) -> None:
    dispute = till.case()
    assert move(dispute, Case.REJECTED, Side.ADMIN, "no")
    name(dispute, till.send(PAID), Side.SELLER)
    till.bury()
    till.tend(2)
    assert state(dispute) == Case.REJECTED
    assert [line[0] for line in till.lines(dispute.payment)] == ["refund"]


def test_a_chain_that_does_not_answer_changes_nothing(till: Till, settings: Settings) -> None:
    dispute = till.case()
    refund = name(dispute, till.send(PAID), Side.SELLER)
    network = next(iter(settings.CHAINS))
    settings.CHAINS = {network: {**settings.CHAINS[network], "RPC": ["http://127.0.0.1:1"]}}
    till.tend()
    assert (kept(refund).state, state(dispute)) == ("named", Case.OPEN)
    assert Payment.objects.filter(pk=dispute.payment_id).exists()
