"""What a wallet's owner allows holds whoever comes together, and whatever happens to the calls."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import httpx
import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection

from marketplace.alerts import note_and_tell
from marketplace.calls import allowance, trying_again
from marketplace.calls.allowance import Again
from marketplace.calls.breaker import Breaker
from marketplace.calls.outcomes import Refused
from payments.acceptance.attempts import Reopening, reopen, void
from payments.acceptance.claiming import ClaimVerdict, claim_together
from payments.acceptance.promise import Claim
from payments.database.pool import one, open_pool, rows
from payments.exposure import risk
from payments.exposure.exposure import CapLimit
from payments.ids import new_id
from payments.limits import setting as limit_setting
from payments.limits.groups import change_group, close_group, leave_group, open_group, pause_group
from payments.limits.owners import NO_RULES, UNLIMITED_ATOMIC, KnownRules, Rules, used_of
from payments.limits.setting import Wishes, set_limits
from payments.lookup import Held, by_id
from payments.models import LimitGroup, Money, Work
from payments.receipts.signing import Signer
from payments.wallets.payers import Payer
from payments.wiring.bounds import exposure
from payments.x402.networks import DEFAULT_ASSETS
from tests.faults.invariants import check
from tests.faults.market import Market, Paper
from tests.faults.moves import AMOUNT, Play, open_play
from tests.faults.test_claims import WAITING, all_wait, at_the_same_time, end, somebody
from tests.fixtures.purchases import NETWORK, TWINS, USDC, sql_url
from tests.fixtures.upstream import Behaviour, Call, Wire, answer
from tests.fixtures.wallet import Said

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

    def setting() -> Awaitable[object]:
        return sync_to_async(set_and_leave, thread_sensitive=False)(payer)

    begun: list[asyncio.Future[object]] = []
    async with await psycopg.AsyncConnection.connect(sql_url()) as holder:
        await holder.execute("select from payments_cap where key = %s for update", (key,))
        for start in (claiming, setting) if claim_is_first else (setting, claiming):
            begun.append(asyncio.ensure_future(start()))
            await all_wait(play, len(begun))
    results = await asyncio.gather(*begun)

    verdict = [ClaimVerdict.TAKEN] if claim_is_first else [ClaimVerdict.LIMITS_CHANGED]
    assert verdict in results
    assert await spent_of(play, payer) == ([AMOUNT] * 4 if claim_is_first else [])


def set_and_leave(payer: str) -> None:
    set_limits(Payer(payer), wishes(day=Decimal(1)))
    connection.close()  # its thread's own


async def spent_of(play: Play, holder: str) -> list[int]:
    """Its sums of the hour, the day, the seller and the listing, as they stand."""
    query = (
        "select used_atomic::int from payments_cap where starts_with(key, %s) and used_atomic <> 0"
    )
    return [used for (used,) in await rows(play.pool, query, (f"spent:{holder}:",))]


def without_rules(play: Play, payer: str) -> Claim:
    """As a door claims for a wallet that nobody limits."""
    counter = CapLimit(f"payer:{payer}:{NETWORK}/{USDC}", UNLIMITED_ATOMIC, UNLIMITED_ATOMIC)
    claim = play.new_claim(payer)
    return replace(claim, caps=(*(c for c in claim.caps if c.key == play.cap.key), counter))


async def claimed(play: Play, claim: Claim) -> ClaimVerdict:
    return (await claim_together(play.pool, [claim], lease_seconds=10, twins=TWINS))[0]


async def held(play: Play, claim: Claim) -> Held:
    found = await by_id(play.pool, claim.payment_id)
    assert found is not None
    return found


async def give_up(play: Play, claim: Claim) -> None:
    standing = (await held(play, claim)).standing
    assert await void(play.pool, standing, why="cut", detail={}, definite=True)


def door(play: Play) -> Any:
    """As much of a door as tries a payment again."""
    breaker = Breaker(failures_to_open=9, payers_to_open=9, pause_seconds=9)
    assets = {(NETWORK, USDC): next(each for each in DEFAULT_ASSETS if each.address == USDC)}
    return SimpleNamespace(pool=play.pool, assets=assets, exposure=exposure(), breaker=breaker)


async def again(play: Play, claim: Claim) -> Reopening:
    """Try it again as doors do, by the rules that hold."""
    voided = await held(play, claim)
    said = await allowance.again(door(play), voided)
    return await reopen(
        play.pool,
        voided,
        (*said.caps, *without_rules(play, voided.payer).caps),
        lease_seconds=10,
        limits_version=said.rules.version,
    )


@pytest.mark.parametrize("before", ["nothing", "limits", "another group"])
async def test_a_payment_sent_again_counts_in_the_limits_set_meanwhile(
    play: Play, settings: Any, before: str
) -> None:
    """What was claimed without them counts in them from its next attempt on, and once."""
    settings.CHAINS = {NETWORK: {"ASSETS": [USDC]}}
    payer, one_call = somebody(), Decimal(AMOUNT).scaleb(-6)
    if before == "limits":
        await sync_to_async(set_limits)(Payer(payer), wishes())
    elif before == "another group":
        await a_group(Decimal(9), payer)
    rules = await KnownRules().learn(play.pool, payer)
    first = without_rules(play, payer)
    caps = rules.caps(path=first.purchase.listing_path, decimals=6, at=datetime.now(UTC))
    first = replace(
        first, caps=first.caps + (caps if rules.version else ()), limits_version=rules.version
    )
    assert await claimed(play, first) is ClaimVerdict.TAKEN
    await give_up(play, first)

    group = await sync_to_async(open_group)(1, wishes("one call a day", one_call))
    await sync_to_async(set_limits)(Payer(payer), wishes(), group)
    assert await again(play, first) is Reopening.REOPENED

    assert set(await spent_of(play, payer)) == {AMOUNT}
    assert await spent_of(play, f"group-{group.pk}") == [AMOUNT] * 4
    rules = await KnownRules().learn(play.pool, payer)
    path = first.purchase.listing_path
    caps = rules.caps(path=path, decimals=6, at=(await held(play, first)).created_at)
    plain = without_rules(play, payer)
    second = replace(plain, caps=plain.caps + caps, limits_version=rules.version)
    assert await claimed(play, second) is ClaimVerdict.CAP_REACHED
    await give_up(play, first)
    assert await claimed(play, second) is ClaimVerdict.TAKEN


@pytest.mark.parametrize("trusted", [False, True])
async def test_what_was_under_way_when_limits_were_set_is_given_back(
    play: Play, settings: Any, trusted: bool
) -> None:
    settings.CHAINS = {NETWORK: {"ASSETS": [USDC]}}
    payer = somebody()
    if trusted:
        earning = without_rules(play, payer)
        assert await claimed(play, earning) is ClaimVerdict.TAKEN
        await end(play, earning, Money.SETTLED, Money.CONFIRMED)
    earned = [AMOUNT] * 4 if trusted else []
    claim = without_rules(play, payer)
    verdict = ClaimVerdict.TAKEN_ON_TRUST if trusted else ClaimVerdict.TAKEN
    assert await claimed(play, claim) is verdict

    await sync_to_async(set_limits)(Payer(payer), wishes(day=Decimal(1)))
    assert await spent_of(play, payer) == [sum(earned[:1]) + AMOUNT] * 4
    await give_up(play, claim)

    assert await spent_of(play, payer) == earned


async def test_what_is_being_given_up_when_limits_are_set_is_not_counted(
    play: Play, settings: Any
) -> None:
    """The move has its payment and waits for a counter: whoever sets limits waits for it."""
    settings.CHAINS = {NETWORK: {"ASSETS": [USDC]}}
    payer = somebody()
    first = CapLimit(f"door:{payer}", UNLIMITED_ATOMIC)  # locked before the payer's
    claim = without_rules(play, payer)
    claim = replace(claim, caps=(first, *claim.caps))
    assert await claimed(play, claim) is ClaimVerdict.TAKEN

    async with await psycopg.AsyncConnection.connect(sql_url()) as holder:
        await holder.execute("select from payments_cap where key = %s for update", (first.key,))
        giving_up = asyncio.ensure_future(give_up(play, claim))
        while await one(play.pool, WAITING) != (1,):
            await asyncio.sleep(0.01)
        setting = asyncio.ensure_future(sync_to_async(set_and_leave, thread_sensitive=False)(payer))
        while not setting.done() and await one(play.pool, WAITING) != (2,):
            await asyncio.sleep(0.01)
    await asyncio.gather(giving_up, setting)

    assert await spent_of(play, payer) == []


async def test_a_payment_that_came_in_between_and_moves_is_waited_for(
    play: Play, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its move may wait for the counters that are held: they are let go, or both would wait."""
    settings.CHAINS = {NETWORK: {"ASSETS": [USDC]}}
    payer, loop, mover = somebody(), asyncio.get_running_loop(), psycopg.connect(sql_url())
    claim = without_rules(play, payer)
    hold, times = limit_setting.hold_from_now, 0

    def hold_late(addresses: Sequence[str]) -> None:
        nonlocal times
        times += 1
        if times == 1:
            asyncio.run_coroutine_threadsafe(claimed(play, claim), loop).result()
            moves = "select from payments_progress where payment_id = %s for no key update"
            mover.execute(moves, (claim.payment_id,))
        hold(addresses)

    monkeypatch.setattr(limit_setting, "hold_from_now", hold_late)
    setting = asyncio.ensure_future(sync_to_async(set_and_leave, thread_sensitive=False)(payer))
    while not setting.done() and await one(play.pool, WAITING) != (1,):
        await asyncio.sleep(0.01)
    mover.close()
    await setting

    assert times == 2
    assert await spent_of(play, payer) == [AMOUNT] * 4
    await give_up(play, claim)
    assert await spent_of(play, payer) == []


async def test_a_pause_between_the_look_and_the_next_attempt_holds(
    play: Play, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The door read the rules, the owner paused the wallet, and then the door went on."""
    settings.CHAINS = {NETWORK: {"ASSETS": [USDC]}}
    payer = somebody()
    claim = without_rules(play, payer)
    assert await claimed(play, claim) is ClaimVerdict.TAKEN
    await give_up(play, claim)
    voided = await held(play, claim)
    looks: list[Again] = []
    look = allowance.again

    async def look_and_pause(room: Any, held: Held) -> Again:
        looks.append(await look(room, held))
        if len(looks) == 1:
            await sync_to_async(set_limits)(Payer(payer), wishes(paused=True))
        return looks[-1]

    monkeypatch.setattr(allowance, "again", look_and_pause)
    sold: Any = SimpleNamespace(path=voided.listing_path)
    offer = claim.offer.requirements
    nothing: Any = None
    reopened = trying_again._reopen(door(play), voided, sold, offer, 10**12, nothing, b"", nothing)
    said = await reopened

    assert isinstance(said, Refused)
    assert (said.status, said.error) == (403, "wallet_paused_by_owner")
    assert [each.rules.version for each in looks] == [0, 2]
    assert (await held(play, claim)).work == Work.VOID


async def test_what_was_not_charged_makes_room_again(play: Play) -> None:
    payer = somebody()
    await set_day(play, payer, AMOUNT / 1_000_000)
    rules = await KnownRules().learn(play.pool, payer)
    first, second, third = (under(play, payer, rules) for _ in range(3))

    assert await claimed(play, first) is ClaimVerdict.TAKEN
    assert await claimed(play, second) is ClaimVerdict.CAP_REACHED
    await give_up(play, first)
    assert await claimed(play, third) is ClaimVerdict.TAKEN


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
    said: list[Said] = []

    def decided() -> bool:
        said.append(market.send(paper, web=web))
        return said[-1].status != 503  # a node that cannot keep up is no verdict

    market.wait(decided, "a verdict")
    return "answered" if said[-1].status == 200 else str(said[-1].json["error"])


def _over_mcp(market: Market, paper: Paper, web: int) -> str:
    params = {
        "name": "call_service",
        "arguments": {"path": paper.sold.path},
        "_meta": {"x402/payment": paper.payload},
    }
    message = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}
    url = f"http://127.0.0.1:{market.stack.ports[web]}/mcp"
    said: list[str] = []

    def decided() -> bool:
        result = httpx.post(url, json=message, timeout=60).json()["result"]
        is_refused = result["isError"]
        said.append(str(result["structuredContent"]["error"]) if is_refused else "answered")
        return said[-1] not in {"unavailable", "settlement_pending", "in_flight"}

    market.wait(decided, "a verdict")
    return said[-1]


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
