"""A day's work of door, settler and worker, each function asked once on the filled tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.db import transaction
from django.test import Client, override_settings
from django.utils import timezone

from marketplace.calls import returning
from marketplace.calls.breaker import Breaker
from marketplace.calls.promises import Promises
from marketplace.calls.shelf import Shelf
from marketplace.calls.stock import Stock
from marketplace.calls.tally import Tally
from marketplace.calls.troubles import Troubles
from marketplace.embedded.demo_accounts import RELAYER
from marketplace.tasks import forget_visits
from payments import health, lookup, reading
from payments.acceptance import answering, claiming, collecting, passing
from payments.acceptance.answering import NewAnswer
from payments.acceptance.attempts import drop, renew_leases, reopen, void
from payments.acceptance.passing import NewPart
from payments.acceptance.promise import Claim, Offer, Purchase
from payments.chains import (
    Block,
    ChainUnavailable,
    Fees,
    SendAnswer,
    SendOutcome,
    TransactionReceipt,
)
from payments.database.pool import Pool, one, rows
from payments.disputes import clock as dispute_clock
from payments.exposure import risk
from payments.exposure.exposure import SPENT_KEY, CapLimit, payer_key
from payments.facilitators import submissions
from payments.identifiers import proves_identifier
from payments.limits import alerts as limit_alerts
from payments.live.wakeups import MONEY_MOVED, Bell
from payments.models import Payment, Step, StepMark
from payments.receipts.signing import Signer, did_web, generate_pem
from payments.relaying import broadcasts, fares, gas, relayer, watching
from payments.relaying import settling as relaying
from payments.relaying.relayer import Keyring
from payments.reports import upkeep
from payments.reports.one_payment import latest_receipt
from payments.settling import desk as desks
from payments.settling import outcomes, settlement
from payments.settling.desk import Desk, Row
from payments.settling.evidence import Proof
from payments.settling.lookout import Lookout
from payments.wallets import siwx
from payments.wallets.questions import Question
from payments.wiring.bounds import exposure
from payments.wiring.networks import network_terms
from payments.x402.types import Authorization, Requirements
from sellers import notices
from sellers.health import breakers
from sellers.health import health as listing_health
from sellers.health.health import Seen
from sellers.models import Seller, Webhook
from sellers.news import disputes as dispute_news
from sellers.news import gas as gas_news
from sellers.on_sale.open_offers import forget_closed
from sellers.programs import keys, repeats
from sellers.signed_offers import forget_unsold, sign_due
from sellers.site import this_site, webhook_limits
from sellers.upstreams import probing
from sellers.webhooks import attempts, outbox, sending, webhooks
from sellers.webhooks.attempts import Outcome
from tests.fixtures.purchases import NETWORK, SITE, TWINS, USDC
from tests.payments.plans.filling import ROBOT, SAME_REQUEST

CHAIN_ID = 84_532
FEW = 20  # whatever takes many rows at once takes so few here: its plan is not the whole table's
HEAD = Block(3_000, bytes(32), 2**31, 1)
FEES = Fees(100, 100, 1)


class QuietChain:
    """A chain that takes everything and has seen nothing: who asks it is not what is looked at."""

    async def send(self, raw: bytes) -> SendAnswer:
        return SendAnswer(SendOutcome.ACCEPTED, "")

    async def is_canonical(self, number: int, block_hash: bytes) -> bool:
        return number % 2 == 0

    async def balance(self, address: str) -> int:
        return 10**18

    async def nonce(self, address: str, tag: str) -> int:
        return 1

    async def fees(self, *, cap_wei: int) -> Fees:
        return FEES

    async def receipts(self, transactions: Sequence[bytes]) -> list[None]:
        return [None for _ in transactions]

    async def has_any(self, transactions: Sequence[bytes]) -> bool:
        return False

    async def knows(self, transaction: bytes) -> bool:
        raise ChainUnavailable("nobody asks")


def open_desk(pool: Pool) -> Desk:
    terms = network_terms(NETWORK)
    keyring = Keyring(NETWORK, CHAIN_ID, [RELAYER.private_key])
    signer = Signer.from_pem(generate_pem(), did_web(SITE))
    return Desk(
        pool, QuietChain(), terms, keyring, signer, Bell(pool, MONEY_MOVED), relaying.Relaying()
    )  # type: ignore[arg-type]


async def some(pool: Pool, work: str, money: str, count: int = 1) -> list[UUID]:
    found = await rows(
        pool,
        "select p.id from payments_progress g join payments_payment p on p.id = g.payment_id"
        " where work = %s and money = %s and closed_at is null order by p.created_at limit %s",
        (work, money, count),
    )
    return [row[0] for row in found]


async def rows_of(pool: Pool, ids: Sequence[UUID]) -> list[Row]:
    found = await rows(pool, desks._ROW + " where p.id = any(%s)", (list(ids),))
    return [desks._row(each) for each in found]


async def door(pool: Pool) -> None:
    """What a paid call asks, from the first look to the last."""
    (final,) = await some(pool, "answered", "settled")
    (open_now,) = await some(pool, "open", "none")
    (voided,) = await some(pool, "void", "none")
    held = await lookup.by_id(pool, final)
    assert held is not None
    assert await lookup.by_identities(pool, [held.identity])
    await lookup.changed(pool, {final: 0, open_now: 0})
    await lookup.abandoned_twin(pool, TWINS, payer=ROBOT, fingerprint=SAME_REQUEST)
    assert held.identifier_hash
    assert await lookup.namesake(
        pool, payer=held.payer, identifier_hash=held.identifier_hash, identity=bytes(16)
    )
    assert await lookup.answer_bytes(pool, final)
    assert await lookup.stored_answer(pool, final)
    await proves_identifier(pool, held, "a wrong identifier")
    await gas.out_of_budget(pool, [held.payer])
    await risk.has_earned(pool, payer_key(held.network, held.asset, held.payer))
    unsigned = SimpleNamespace(
        signed_by_own_key=lambda offer: False, authorization=SimpleNamespace(signature=b"")
    )
    await returning._is_signed(SimpleNamespace(pool=pool), held, unsigned, None)  # type: ignore[arg-type]
    (ready,) = await some(pool, "answered", "none")
    unsent = await lookup.by_id(pool, ready)
    assert unsent is not None
    await returning._never_was_out(SimpleNamespace(pool=pool), unsent)  # type: ignore[arg-type]
    await drop(pool, open_now, 1)
    claims = [await a_claim(pool) for _ in range(10)]
    claims[2:5] = [replace(claim, identifier_hash=os.urandom(32)) for claim in claims[2:5]]
    await claiming.claim_together(pool, claims, lease_seconds=10, twins=TWINS)
    parts = [NewPart(claim.payment_id, 1, 0, "text/plain", "", b"sun" * 10_000) for claim in claims]
    await passing.keep_together(pool, parts)
    answers = [
        NewAnswer(claim.payment_id, 1, 200, (), "text/plain", b"sunny", 1) for claim in claims
    ]
    assert all(await answering.record_together(pool, answers))
    await passing.let_go(pool, claims[0].payment_id)
    await renew_leases(pool, {open_now: 1}, lease_seconds=10)
    await risk.has_paid(pool, claims[0].payment_id)
    await collecting.abandon(pool, claims[0].payment_id)
    await collecting.collect(pool, claims[1].payment_id)
    await collecting.take_left(pool, claims[1].payment_id, lease_seconds=10, twins=TWINS)
    gone = await lookup.by_id(pool, open_now)
    assert gone is not None
    assert await void(pool, gone.standing, why="x", detail={}, definite=True)
    again = await lookup.by_id(pool, voided)
    assert again is not None
    spent = CapLimit(f"{SPENT_KEY}{again.payer}:6:20260101", 10**30)
    await reopen(pool, again, (*claims[0].caps, spent), lease_seconds=10)
    question = Question(SITE, NETWORK, os.urandom(32).hex(), 2**31)
    assert await siwx._burn(pool, question)


async def a_claim(pool: Pool) -> Claim:
    offer = await one(
        pool,
        "select id, listing_id, revision_hash, pay_to, amount_atomic from payments_openoffer"
        " where closed_at is null order by random() limit 1",
    )
    assert offer is not None
    offer_id, listing, revision, pay_to, amount = offer
    payer = "0x" + os.urandom(20).hex()
    terms = Requirements("exact", NETWORK, int(amount), USDC, pay_to, 300, {})
    bought = Purchase(
        listing, listing, "tests/x", "Weather", revision, "GET", SITE, bytes(32), "hold", 7
    )
    signed = Authorization(payer, pay_to, int(amount), 0, 2**31, os.urandom(32), os.urandom(65))
    caps = exposure().caps(
        network=NETWORK,
        asset=USDC,
        decimals=6,
        payer=payer,
        listing_id=listing,
        amount=int(amount),
        purse=10**12,
    )
    return Claim(Offer(offer_id, terms, 6), bought, signed, os.urandom(16), False, None, 100, caps)


async def behind_the_door(pool: Pool) -> None:
    """What a door asks again and again, whoever calls."""
    site = this_site()
    shelf = Shelf(pool, Stock(pool, site), entries_max=100)
    await shelf.refresh()
    await shelf.get("tests/x")
    await shelf.refresh()
    await rows(pool, "update sellers_shelfversion set version = version + 1 returning 1")
    await rows(
        pool,
        "update sellers_listing set shelf_version = (select version from sellers_shelfversion)"
        " where slug = 'more-7' returning 1",
    )
    await shelf.refresh()
    await Promises(pool, shelf, site, closed=lambda _: frozenset()).renew()
    tally = Tally()
    for _ in range(FEW):
        tally.quoted(UUID(bytes=os.urandom(16)))
    await tally.flush(pool)
    sold = await rows(
        pool,
        "select s.slug || '/' || l.slug from sellers_listing l"
        " join sellers_seller s on s.id = l.seller_id order by l.slug limit %s",
        (FEW,),
    )
    breaker = Breaker(failures_to_open=1, payers_to_open=1, pause_seconds=15)
    for (path,) in sold:
        breaker.failed(path, "", 0.0, "timeout", is_proven=False)
    troubles = Troubles(breaker)
    await troubles.tell(pool, 0.0)
    for (path,) in sold[:10]:
        breaker.succeeded(path)
    await troubles.tell(pool, 100.0)
    await troubles.take_back(pool)
    await health.read_health(pool, stale_seconds=60)
    await gas.over_cap(pool, {NETWORK: 10**17})
    await gas.all_out_of_budget(pool)


async def settler(desk: Desk) -> None:
    """What the hot loop asks: at each ring, at each head, and now and then."""
    pool = desk.pool
    await relayer.enlist(pool, desk.chain, desk.keyring)
    due = await desks.take_due(pool, NETWORK, most=FEW, most_tried=FEW)
    assert await desks.take_voids(pool, NETWORK, most=FEW)
    assert {row.put_off for row in due} == {False, True}
    await desks.put_off(pool, [row.payment_id for row in due], 1.0)
    await desks.look_again(pool, [row.payment_id for row in due], 1.0)
    await settlement.void_dead_leases(desk)
    sending = await rows_of(pool, await some(pool, "answered", "none", FEW))
    await broadcasts.dispatch(desk, sending, FEES)
    waiting = await watching.watched(desk, None)
    assert waiting
    newest = waiting[-1][-1]
    candidate = sending[0]
    await fares._under_way(desk, [(candidate.authorization.payer, candidate.asset)])
    await fares._on_the_way(desk, [candidate.authorization.payer])
    await desks.passengers(pool, [(newest.signed.relayer_id, newest.signed.nonce)])
    mined = TransactionReceipt(newest.signed.transaction, 1, 2_995, b"\x07" * 32, (), 10**6, 1)
    await watching._note_mined(desk, [(mined, [row.payment_id for row in sending[:2]])])
    seen = await watching.watched(desk, 2_995)
    await watching._forget_mined(desk, next(g for g in seen if g[0].mined_block == 2_995))
    await broadcasts.bump(desk, replace(newest, fees=Fees(10, 10, 1)))
    await watching.watched(desk, 0)
    await watching.finish(desk, 2_705)
    await Lookout(desk).look_above(2_990)
    await money_moves(desk)
    await submissions.asked_before(pool, [row.payment_id for row in sending])
    await submissions.note(pool, due[0].payment_id, 1, submissions.Outcome.SETTLED, None, "")
    await submissions.disprove(pool, due[0].payment_id, 1)
    book = health.HealthBook(desk)
    await book.write(HEAD)
    await book.write_silent()
    await relaying._is_ours(desk, RELAYER.address, newest.signed.nonce)
    await relayer.bury(pool, NETWORK, RELAYER.address, newest.signed.nonce)
    await relayer.stop_signing(pool, NETWORK, RELAYER.address, "somebody else")


async def money_moves(desk: Desk) -> None:
    pool = desk.pool
    paid = await rows_of(pool, await some(pool, "answered", "broadcast", 20))
    proof = Proof(os.urandom(32), 2_996, os.urandom(32))
    await outcomes.settle(desk, [(row, proof) for row in paid], "paid on chain")
    spent = await rows_of(pool, await some(pool, "void", "none", 1))
    await outcomes.settle(desk, [(row, proof) for row in spent], "spent by its owner")
    settled = await rows_of(pool, [row.payment_id for row in paid])
    await outcomes.confirm(desk, settled[:18])
    await outcomes.uproot(desk, settled[19])
    confirmed = await rows_of(pool, [row.payment_id for row in settled[:18]])
    await outcomes.receipt_anew(desk, confirmed[:1])
    await outcomes.uproot(desk, confirmed[0])
    await outcomes.close(desk, confirmed[1:])
    (lost,) = await rows_of(pool, await some(pool, "answered", "none", 1))
    await outcomes.fail(desk, [lost], "window over")


async def without_index(pool: Pool) -> Any:
    """How PostgreSQL finds what no index leads to."""
    found = await one(
        pool,
        "explain (analyze, buffers, format json)"
        " select count(*) from payments_payment where body_hash = ''",
    )
    assert found is not None
    return found[0]


def pages(payments: Sequence[UUID]) -> None:
    """What the site asks, and the worker for sellers."""
    client = Client()
    with override_settings(ALLOWED_HOSTS=["testserver"]):
        market(client)
        assert client.get("/readyz").status_code in (200, 503)
        for payment in payments:
            assert client.get(f"/p/{payment}").status_code == 200
            assert client.get(f"/p/{payment}", headers={"accept": "text/html"}).status_code == 200
    assert latest_receipt(payments[0]) is not None
    sign_due(Signer.from_pem(generate_pem(), did_web(SITE)), this_site())
    forget_unsold()
    forget_closed()
    forget_visits()
    told()


def market(client: Client) -> None:
    """What visitors ask."""
    for address in ("/", "/market", "/l/tests/x", "/s/tests"):
        assert client.get(address, headers={"accept": "text/html"}).status_code == 200, address
    assert client.get("/l/tests/gone", headers={"accept": "text/html"}).status_code == 404


def told() -> None:
    """What webhooks ask: the newest steps, what is due, what came of it."""
    newest = Step.objects.filter(payment__seller_id__in=Webhook.objects.values("seller_id"))
    at = newest.order_by("-at")[FEW].at
    StepMark.objects.filter(reader=reading.WEBHOOKS).update(read_until=at)
    assert outbox.feed(FEW)
    StepMark.objects.update_or_create(
        reader=reading.LIMITS,
        defaults={"read_until": at, "noted_at": at, "noted_xid": 0},
    )
    limit_alerts.look()
    taken = sending.claim(webhook_limits(), FEW)
    assert len(taken) == FEW
    attempts.record(taken[0].pk, taken[0].claims, Outcome(200, 1, ""))
    attempts.record(taken[1].pk, taken[1].claims, Outcome(None, 1, "nobody there"))
    webhooks.forget_deliveries()
    seller_id = Payment.objects.values_list("seller_id", flat=True)[0]
    with override_settings(API_KEYS_PER_SELLER_MAX=10_000):
        issued = keys.issue(Seller.objects.get(pk=seller_id), "Robot", ["money:read"])
    assert keys.recognise(issued.key) is not None
    (first, *_) = notices.unseen(seller_id)
    assert notices.put_away(seller_id, first.pk)
    with transaction.atomic():
        notices.take_unmailed(FEW)
    notices.forget_notices()
    assert gas_news.tell_spent({NETWORK: 1})
    dispute_clock.tend(lambda of, network: ())
    dispute_news.tell()
    repeats.forget_repeats()
    watched()


def watched() -> None:
    """What looking at listings asks."""
    listing_health.enroll(FEW)
    first = probing.claim(this_site(), FEW)[0]
    upkeep.served_lately(first.listing_id, timezone.now() - timedelta(days=1), FEW)
    upkeep.proven_among({payer_key(NETWORK, USDC, ROBOT)})
    sold_often = Payment.objects.filter(revision_hash=sha256(b"r").digest())
    sold = sold_often.order_by("-created_at")[0]
    day_ago = timezone.now() - timedelta(days=1)
    assert upkeep.answers_lately(
        sold.listing_id, bytes(sold.revision_hash), day_ago, most=5, bytes_max=256_000
    )
    listing_health.record(first.listing_id, Seen(ok=True, status=200, ms=1))
    listing_health.put_off(first.listing_id)
    listing_health.forget_probes()
    breakers.not_sold([first.listing_id])
    breakers.forget_breakers()
