"""What a wallet's owner allows holds whoever comes together, and whatever happens to the calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import httpx
import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from marketplace.alerts import note_and_tell
from payments import risk
from payments.acceptance.attempts import void
from payments.acceptance.claiming import ClaimVerdict, claim_together
from payments.acceptance.promise import Claim
from payments.buyer_limits import NO_RULES, UNLIMITED_ATOMIC, KnownRules, Rules, used_of
from payments.exposure import CapLimit
from payments.ids import new_id
from payments.limit_groups import change_group, close_group, leave_group, open_group, pause_group
from payments.limit_setting import Wishes, set_limits
from payments.lookup import by_id
from payments.models import LimitGroup
from payments.payers import Payer
from payments.pool import one, open_pool, rows
from payments.signing import Signer
from tests.faults.invariants import check
from tests.faults.market import Market, Paper
from tests.faults.moves import AMOUNT, Play, open_play
from tests.faults.test_claims import WAITING, at_the_same_time, somebody
from tests.fixtures.purchases import NETWORK, TWINS, USDC, sql_url
from tests.fixtures.upstream import Behaviour, Call, Wire, answer

NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
TEN_CALLS = 10 * AMOUNT / 1_000_000  # dollars


@pytest.fixture
async def play(transactional_db: None, receipt_signer: Signer) -> AsyncIterator[Play]:
    pool = await open_pool(sql_url(), size_max=12)
    yield await open_play(pool, receipt_signer, seed=0)
    await pool.close()
    check(sql_url())


async def set_day(play: Play, payer: str, dollars: float, version: int = 1) -> None:
    await one(
        play.pool,
        "insert into payments_limit (payer, network, version, paused, day_max, allowed, blocked,"
        " name, changed_at) values (%s, '', %s, false, %s, '[]', '[]', '', now())"
        " on conflict (payer) do update set version = excluded.version,"
        " day_max = excluded.day_max returning 1",
        (payer, version, dollars),
    )


def wishes(name: str = "", day: Decimal | None = None, *, paused: bool = False) -> Wishes:
    return Wishes(name, paused, {"day_max": day}, (), ())


async def a_group(day: Decimal, *payers: str) -> LimitGroup:
    """Wallets under one limit a day."""

    def opened() -> LimitGroup:
        group = open_group(1, wishes("agents", day))
        for payer in payers:
            set_limits(Payer(payer), wishes(), group)
        return group

    return await sync_to_async(opened)()


def under(play: Play, payer: str, rules: Rules) -> Claim:
    claim = play.new_claim(payer)
    caps = rules.caps(path=claim.purchase.listing_path, decimals=6, at=NOON)
    return replace(claim, caps=claim.caps + caps, limits_version=rules.version)


async def test_a_limit_for_ten_admits_exactly_ten_of_a_hundred(play: Play) -> None:
    payer = somebody()
    await set_day(play, payer, TEN_CALLS)
    rules = await KnownRules().learn(play.pool, payer)
    askers = [[under(play, payer, rules) for _ in range(10)] for _ in range(10)]

    verdicts = await at_the_same_time(play, askers)

    assert verdicts == {ClaimVerdict.TAKEN: 10, ClaimVerdict.CAP_REACHED: 90}
    key = f"spent:{payer}:6:20260501"
    refusal = rules.full(key, 9 * AMOUNT, 2 * AMOUNT)
    assert refusal is not None
    assert refusal.word == "limit_per_day"
    left, price = (f"{Decimal(each * AMOUNT).scaleb(-6).normalize():f}" for each in (1, 2))
    assert f"${left} of it is left, and this call costs ${price}." in refusal.text
    keys = [cap.key for cap in askers[0][0].caps if cap.key.startswith(key)]
    assert len(keys) == 4
    assert set((await used_of(play.pool, keys)).values()) == {10 * AMOUNT}


async def test_wallets_of_a_group_spend_from_one_limit(play: Play) -> None:
    payers = [somebody() for _ in range(10)]
    group = await a_group(Decimal(10 * AMOUNT).scaleb(-6), *payers)
    known = KnownRules()
    rules = [await known.learn(play.pool, payer) for payer in payers]
    askers = [
        [under(play, payer, each) for payer, each in zip(payers, rules, strict=True)]
        for _ in range(10)
    ]

    verdicts = await at_the_same_time(play, askers)

    assert verdicts == {ClaimVerdict.TAKEN: 10, ClaimVerdict.CAP_REACHED: 90}
    key = f"spent:group-{group.pk}:6:20260501"
    assert await used_of(play.pool, [key]) == {key: 10 * AMOUNT}
    refusal = rules[0].full(key, 10 * AMOUNT, AMOUNT)
    assert refusal is not None
    assert "group" in refusal.text


async def test_whatever_changes_a_group_holds_for_each_of_its_wallets(play: Play) -> None:
    """Nobody goes by what they remember: not of a pause, a move, another limit or a closing."""
    first, second = somebody(), somebody()
    group = await a_group(Decimal(5), first, second)
    other = await sync_to_async(open_group)(1, wishes("others", Decimal(0)))
    known = KnownRules()

    async def verdict(payer: str) -> ClaimVerdict:
        claims = [under(play, payer, known.of(payer))]
        return (await claim_together(play.pool, claims, lease_seconds=10, twins=TWINS))[0]

    changes: list[tuple[Callable[[], object], str, ClaimVerdict]] = [
        (lambda: pause_group(1, group.pk, True), second, ClaimVerdict.TAKEN),
        (lambda: pause_group(1, group.pk, False), first, ClaimVerdict.TAKEN),
        (lambda: change_group(1, group.pk, wishes("agents", Decimal(0))), second,
         ClaimVerdict.CAP_REACHED),
        (lambda: change_group(1, group.pk, wishes("renamed", Decimal(5))), second,
         ClaimVerdict.TAKEN),
        (lambda: set_limits(Payer(second), wishes("moved"), other), second,
         ClaimVerdict.CAP_REACHED),
        (lambda: leave_group(second), second, ClaimVerdict.TAKEN),
        (lambda: close_group(1, group.pk), first, ClaimVerdict.TAKEN),
    ]  # fmt: skip
    for change, payer, then in changes:
        await known.learn(play.pool, payer)
        await sync_to_async(change)()
        assert await verdict(payer) is ClaimVerdict.LIMITS_CHANGED
        rules = await known.learn(play.pool, payer)
        paused = rules.group is not None and rules.group.paused
        assert (rules.refusal("tests/plain", Decimal(0)) is not None) is paused
        assert await verdict(payer) is then
    assert (await known.learn(play.pool, first)).group is None


async def test_moves_between_groups_lose_and_double_nothing(play: Play, settings: Any) -> None:
    """Claims run while their wallets are moved: each counts in the group that let it in.

    That the counters hold what the payments name is looked at after every test here.
    """
    settings.CHAINS = {NETWORK: {"ASSETS": [USDC]}}
    payers, known = [somebody() for _ in range(4)], KnownRules()
    ten = Decimal(10 * AMOUNT).scaleb(-6)
    groups = [await a_group(ten, *payers), await sync_to_async(open_group)(1, wishes("b", ten))]
    verdicts: Counter[ClaimVerdict] = Counter()

    async def pay(payer: str) -> None:
        for _ in range(12):
            claim = under(play, payer, known.of(payer))
            counter = CapLimit(f"payer:{payer}:{NETWORK}/{USDC}", UNLIMITED_ATOMIC)
            spent = [cap for cap in claim.caps if cap.key.endswith("20260501")]
            claim = replace(claim, caps=(counter, *spent))
            said = await claim_together(play.pool, [claim], lease_seconds=10, twins=TWINS)
            verdicts.update(said)
            if said == [ClaimVerdict.LIMITS_CHANGED]:
                await known.learn(play.pool, payer)

    async def move() -> None:
        for number in range(16):
            payer, group = payers[number % 4], groups[number // 4 % 2]
            await sync_to_async(set_limits)(Payer(payer), wishes(), group)

    await asyncio.gather(move(), *map(pay, payers))

    assert verdicts[ClaimVerdict.TAKEN] > 0
    assert set(verdicts) <= {
        ClaimVerdict.TAKEN, ClaimVerdict.LIMITS_CHANGED, ClaimVerdict.CAP_REACHED,
    }  # fmt: skip
    keys = [f"spent:group-{group.pk}:6:20260501" for group in groups]
    assert max((await used_of(play.pool, keys)).values()) <= 10 * AMOUNT


@pytest.mark.parametrize("claim_is_first", [True, False])
async def test_a_claim_beside_the_first_limit_is_counted_once(
    play: Play, settings: Any, claim_is_first: bool
) -> None:
    """Both began before either could go on: it is counted as spent before, or comes again."""
    settings.CHAINS = {NETWORK: {"ASSETS": [USDC]}}
    payer = somebody()
    key = f"payer:{payer}:{NETWORK}/{USDC}"
    claim = replace(play.new_claim(payer), caps=(CapLimit(key, UNLIMITED_ATOMIC),))
    await risk.make_room(play.pool, {key})

    def claiming() -> Awaitable[object]:
        return claim_together(play.pool, [claim], lease_seconds=10, twins=TWINS)

    def set_and_leave() -> None:
        set_limits(Payer(payer), wishes(day=Decimal(1)))
        connection.close()  # its thread's own

    def setting() -> Awaitable[object]:
        return sync_to_async(set_and_leave, thread_sensitive=False)()

    begun: list[asyncio.Future[object]] = []
    async with await psycopg.AsyncConnection.connect(sql_url()) as holder:
        await holder.execute("select from payments_cap where key = %s for update", (key,))
        for start in (claiming, setting) if claim_is_first else (setting, claiming):
            begun.append(asyncio.ensure_future(start()))
            while await one(play.pool, WAITING) != (len(begun),):
                await asyncio.sleep(0.01)
    results = await asyncio.gather(*begun)

    verdict = [ClaimVerdict.TAKEN] if claim_is_first else [ClaimVerdict.LIMITS_CHANGED]
    assert verdict in results
    spent = await rows(
        play.pool,
        "delete from payments_cap where starts_with(key, %s) returning used_atomic",
        (f"spent:{payer}:",),  # no payment names what was counted late
    )
    assert spent == ([(AMOUNT,)] * 4 if claim_is_first else [])


async def test_what_was_not_charged_makes_room_again(play: Play) -> None:
    payer = somebody()
    await set_day(play, payer, AMOUNT / 1_000_000)
    rules = await KnownRules().learn(play.pool, payer)
    first, second, third = (under(play, payer, rules) for _ in range(3))

    async def claimed(claim: Claim) -> ClaimVerdict:
        return (await claim_together(play.pool, [claim], lease_seconds=10, twins=TWINS))[0]

    assert await claimed(first) is ClaimVerdict.TAKEN
    assert await claimed(second) is ClaimVerdict.CAP_REACHED
    held = await by_id(play.pool, first.payment_id)
    assert held is not None
    await void(play.pool, held.standing, why="upstream_error", detail={}, definite=True)
    assert await claimed(third) is ClaimVerdict.TAKEN


async def test_nobody_passes_by_rules_that_were_changed(play: Play) -> None:
    """Neither those who never heard of any, nor those who remember older ones."""
    payer = somebody()
    known = KnownRules()
    unaware = replace(play.new_claim(payer), limits_version=known.of(payer).version)
    assert known.of(payer) is NO_RULES
    await set_day(play, payer, 100, version=2)
    older = replace(play.new_claim(payer), limits_version=1)
    current = under(play, payer, await known.learn(play.pool, payer))
    other = play.new_claim(somebody())

    verdicts = await claim_together(
        play.pool, [unaware, older, current, other], lease_seconds=10, twins=TWINS
    )

    assert verdicts == [
        ClaimVerdict.LIMITS_CHANGED, ClaimVerdict.LIMITS_CHANGED, ClaimVerdict.TAKEN,
        ClaimVerdict.TAKEN,
    ]  # fmt: skip


def test_the_doors_keep_an_owners_limit_and_say_which(market: Market) -> None:
    """A hundred calls at once over HTTP and MCP, at processes that had never heard of a limit."""
    sold, buyer = market.sell(dollars="0.01"), market.buyer("5")
    papers = [market.sign(sold, buyer) for _ in range(100)]
    _set(market, buyer.address, "day_max = 0.1")

    assert _storm(market, papers) == {"answered": 10, "limit_per_day": 90}
    assert market.calls(sold) == 10
    for rules, word in (
        ("paused = true", "wallet_paused_by_owner"),
        ("paused = false, call_max = 0.009", "limit_per_call"),
        (f"call_max = null, blocked = '[\"{sold.path.partition('/')[0]}\"]'", "blocked_by_owner"),
        ("blocked = '[]', allowed = '[\"somebody-else\"]'", "not_allowed_by_owner"),
    ):
        _set(market, buyer.address, rules)
        refused = market.send(market.sign(sold, buyer))
        assert (refused.status, refused.json["error"]) == (403, word)
    _set(market, buyer.address, "allowed = '[]', day_max = 1")
    assert market.send(market.sign(sold, buyer)).status == 200
    assert market.calls(sold) == 11


@pytest.mark.parametrize("is_room", [True, False])
def test_a_payment_sent_again_is_refused_by_the_limit_that_has_no_room(
    market: Market, is_room: bool
) -> None:
    """Another attempt counts like a first one, and its agent hears which limit, not to wait."""
    sold, buyer = market.sell(_broken_once(), dollars="0.01"), market.buyer()
    paper = market.sign(sold, buyer)
    assert market.send(paper).headers["x-payment-charged"].startswith("no")
    _set(market, buyer.address, f"day_max = {'0.01' if is_room else '0.009'}")

    said = market.send(paper)

    if is_room:
        assert said.status == 200
        return
    assert (said.status, said.json["error"]) == (403, "limit_per_day")
    assert "$0.009 of it is left, and this call costs $0.01." in said.json["detail"]
    assert "retry-after" not in said.headers
    assert market.stack.rows(
        "select sum from payments_limitalert where holder = %s", buyer.address
    ) == [("day_max",)]


def test_wallets_of_a_group_pass_its_limit_at_no_door(market: Market) -> None:
    """A hundred calls of five wallets, over HTTP and MCP, at two processes."""
    sold, buyers = market.sell(dollars="0.01"), [market.buyer() for _ in range(5)]
    papers = [market.sign(sold, buyers[number % 5]) for number in range(100)]
    group = new_id()
    market.stack.rows(
        "insert into payments_limitgroup (id, owner, name, paused, day_max, allowed, blocked,"
        " changed_at) values (%s, 1, 'agents', false, 0.1, '[]', '[]', now()) returning 1",
        group,
    )
    for buyer in buyers:
        _set(market, buyer.address, f"group_id = '{group}'")

    assert _storm(market, papers) == {"answered": 10, "limit_per_day": 90}
    assert market.calls(sold) == 10
    told = (
        "select sum from payments_limitalert"
        " where holder = %s and percent = 100 and told_at is not null"
    )
    with market.stack.database():
        note_and_tell()
    assert market.stack.rows(told, f"group-{group}") == [("day_max",)]
    market.stack.rows(
        "update payments_limitgroup set paused = true where id = %s returning 1", group
    )
    for buyer in buyers:
        _set(market, buyer.address, "name = 'paused with all others'")
        refused = market.send(market.sign(sold, buyer))
        assert (refused.status, refused.json["error"]) == (403, "wallet_paused_by_owner")


def _storm(market: Market, papers: Sequence[Paper]) -> Counter[str]:
    """All at once: a quarter at each process over HTTP, a quarter at each over MCP."""
    doors = (_over_http, _over_mcp)
    asked = [
        market.callers.submit(doors[number % 2], market, paper, number // 2 % 2)
        for number, paper in enumerate(papers)
    ]
    return Counter(each.result() for each in asked)


def _broken_once() -> Behaviour:
    first = [answer(status=500)]

    async def behave(call: Call, wire: Wire) -> bool:
        return await (first.pop() if first else answer())(call, wire)

    return behave


def _over_http(market: Market, paper: Paper, web: int) -> str:
    answer = market.send(paper, web=web)
    while answer.status == 503:  # a node that cannot keep up is no verdict
        answer = market.send(paper, web=web)
    return "answered" if answer.status == 200 else str(answer.json["error"])


def _over_mcp(market: Market, paper: Paper, web: int) -> str:
    params = {
        "name": "call_service",
        "arguments": {"path": paper.sold.path},
        "_meta": {"x402/payment": paper.payload},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    while True:
        url = f"http://127.0.0.1:{market.stack.ports[web]}/mcp"
        result = httpx.post(url, json=message, timeout=60).json()["result"]
        if not result["isError"]:
            return "answered"
        error = str(result["structuredContent"]["error"])
        if error not in {"unavailable", "settlement_pending", "in_flight"}:
            return error


def _set(market: Market, payer: str, rules: str) -> None:
    market.stack.rows(
        "insert into payments_limit (payer, network, version, paused, allowed, blocked, name,"
        " changed_at) values (%s, '', 1, false, '[]', '[]', '', now())"
        " on conflict do nothing returning 1",
        payer,
    )
    market.stack.rows(
        f"update payments_limit set version = version + 1, {rules} where payer = %s returning 1",
        payer,
    )
