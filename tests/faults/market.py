"""The marketplace under fault: a running stack whose lines to node and database can fail."""

from __future__ import annotations

import asyncio
import contextlib
import os
import secrets
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from eth_account import Account
from eth_utils import to_checksum_address
from psycopg.conninfo import conninfo_to_dict

from marketplace.embedded.chain import GAS_ALLOWANCE
from marketplace.embedded.demo_accounts import RELAYER
from payments.x402.reasons import Reason
from tests.faults import record
from tests.faults.invariants import Books, Witness, check
from tests.fixtures.cast import Person
from tests.fixtures.chain import Chain
from tests.fixtures.looking import Looking
from tests.fixtures.rpc_proxy import RpcProxy
from tests.fixtures.stack import PATIENCE_SECONDS, Sold, Stack, answers, running_stack
from tests.fixtures.tcp_proxy import TcpProxy
from tests.fixtures.upstream import Behaviour, Call, Wire, answer
from tests.fixtures.wallet import Said, ask, authorize, pack

CALLERS_MAX = 120
HOLD_SECONDS = 6  # a busy machine settles within it
HASTY_SECONDS = 1  # where no money can come, nobody need wait for it
HASTY = 2  # the shared market's door for these payments
LEASE_SECONDS = 3
WINDOW_SECONDS = 300  # as long as a challenge allows
SHORT_SECONDS = 150  # the time of a call, a margin for its payment, and a minute to be busy in
FINAL_BLOCKS = 9  # the node calls a block final when eight are on top of it
BASE_FEE_WEI = 10**7
IS_WRONG_VARIANT = "SOUK_TEST_MUTANT" in os.environ
QUICK = {
    "HOLD_WAIT_SECONDS": str(HOLD_SECONDS),
    "SOUK_LEASE_SECONDS": str(LEASE_SECONDS),
    "SOUK_LEASE_RENEW_SECONDS": "0.5",
    "SOUK_SETTLE_MARGIN_SECONDS": "1",
    "SOUK_RPC_TIMEOUT_SECONDS": "2",
    "SOUK_STUCK_SECONDS": "2",
    "SOUK_HEAD_STALE_SECONDS": "600",  # a chain or a worker that a test holds still is not lost
}


@dataclass(frozen=True, slots=True)
class Paper:
    """A signed payment, as its buyer holds it."""

    sold: Sold
    payload: dict[str, Any]

    @property
    def headers(self) -> dict[str, str]:
        return {"PAYMENT-SIGNATURE": pack(self.payload)}

    @property
    def terms(self) -> dict[str, str]:
        return dict(self.payload["payload"]["authorization"])

    @property
    def nonce(self) -> bytes:
        return bytes.fromhex(self.terms["nonce"][2:])

    @property
    def signature(self) -> bytes:
        return bytes.fromhex(self.payload["payload"]["signature"][2:])


class Gate:
    """An upstream that answers when the test lets it."""

    def __init__(self, then: Behaviour | None = None) -> None:
        self.then = then or answer()
        self._opened = threading.Event()
        self.waiting = 0

    def open(self) -> None:
        self._opened.set()

    async def __call__(self, call: Call, wire: Wire) -> bool:
        self.waiting += 1
        while not self._opened.is_set():
            await asyncio.sleep(0.01)
        goes_on = await self.then(call, wire)
        self.waiting -= 1
        return goes_on


@dataclass
class Market:
    """One running marketplace, and every way to hurt it."""

    stack: Stack
    rpc: RpcProxy
    database: TcpProxy
    witness: Witness
    callers: ThreadPoolExecutor
    gates: list[Gate] = field(default_factory=list)
    stopped: list[subprocess.Popen[bytes]] = field(default_factory=list)
    asked: dict[bytes, Future[Said]] = field(default_factory=dict)  # by nonce
    minute: Sold | None = None  # what the time is asked with
    faults: list[str] = field(default_factory=list)  # that doors told of in their logs

    @property
    def chain(self) -> Chain:
        return self.stack.chain

    @property
    def worker(self) -> subprocess.Popen[bytes]:
        return self.stack.workers[-1]

    @property
    def now(self) -> int:
        """What a careful buyer takes for the time: the later of its clock and the chain's."""
        return max(int(time.time()), self.chain.now)

    # Selling and buying

    def sell(self, behaviour: Behaviour | None = None, **listing: Any) -> Sold:
        """A listing with an address of its own to be paid at, and the witness at its upstream."""
        listing.setdefault("pay_to", somebody("seller").address)
        return self.stack.sell(behaviour=self.witnessed(behaviour or answer()), **listing)

    def gated(self, then: Behaviour | None = None, **listing: Any) -> tuple[Sold, Gate]:
        gate = self.gate(then)
        return self.sell(gate, **listing), gate

    def gate(self, then: Behaviour | None = None) -> Gate:
        self.gates.append(Gate(then))
        return self.gates[-1]

    def witnessed(self, behaviour: Behaviour) -> Behaviour:
        async def behave(call: Call, wire: Wire) -> bool:
            await asyncio.to_thread(self.witness.look, call.header("X-Souk-Payment"))
            return await behaviour(call, wire)

        return behave

    def buyer(self, dollars: str = "1") -> Person:
        """Somebody new, with some dollars."""
        buyer = somebody("buyer")
        self.chain.fund(buyer.address, Decimal(dollars))
        return buyer

    def sign(
        self,
        sold: Sold,
        payer: Person,
        *,
        named: bool | str = False,
        seconds: int = 0,
        **changed: Any,
    ) -> Paper:
        """A payment for this listing; `named` with a payment identifier, good for `seconds`."""
        now = self.now
        if seconds:
            changed["validBefore"] = now + seconds
        payload = authorize(ask(sold.url).challenge, payer, now=now, **changed)
        if named:
            name = named if isinstance(named, str) else f"pay_{secrets.token_hex(16)}"
            identifier = {"info": {"id": name}}
            payload["extensions"] = {"payment-identifier": identifier}
        return Paper(sold, payload)

    def send(self, paper: Paper, *, web: int = 0, seconds: float = 60, **headers: str) -> Said:
        """Present a payment at the door of one of the web processes."""
        url = self.stack.url(paper.sold.path, web)
        return ask(url, headers={**paper.headers, **headers}, seconds=seconds)

    def hang_up(self, paper: Paper) -> None:
        """Present it, and go away as soon as the seller was asked."""
        self.stack.hang_up(paper.sold, paper.headers)

    def told_to_wait(self, paper: Paper) -> Said:
        """Present it where nobody waits long; ours is on its way when this is over."""
        said = self.send(paper, web=HASTY)
        assert said.status == 503, said
        self.wait_money(paper, "broadcast")
        return said

    def sending(self, paper: Paper, **how: Any) -> Future[Said]:
        """Present it in the background; a machine too busy to decide anything is no verdict."""
        asked = self.asked[paper.nonce] = self.callers.submit(self._until_decided, paper, **how)
        return asked

    def _until_decided(self, paper: Paper, **how: Any) -> Said:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            said = self.send(paper, **how)
            undecided = said.status == 503 and said.json.get("error") == "unavailable"
            is_over = self.is_hurt or time.monotonic() > deadline
            if not undecided or is_over or self.row(paper):
                return said

    def buy(self, sold: Sold | None = None, **how: Any) -> Paper:
        """A whole purchase that must succeed: the next payment after every accident."""
        sold = sold or self.sell()
        how.setdefault("named", True)  # told to wait, they can have the answer afterwards
        paper = self.sign(sold, self.buyer(), **how)
        said = self.until_answered(paper)
        assert said.status == 200, said
        return paper

    def until_answered(self, paper: Paper) -> Said:
        """Present it, and again as long as we are told that nothing is known yet.

        A payment without a name gets its answer only while somebody waits for it.
        """
        last: list[Said] = []

        def known() -> bool:
            with contextlib.suppress(OSError):
                last.append(self.send(paper))
                return last[-1].status not in (409, 503)
            return False

        self.wait(known, "an answer")
        return last[-1]

    # Looking in

    def row(self, paper: Paper) -> dict[str, Any]:
        """What the database holds of a payment; empty when there was no claim."""
        names = ("id", "work", "money", "version", "attempt", "transaction", "relayer_nonce")
        found = self.stack.rows(
            "select p.id, g.work, g.money, g.version, g.attempt, g.transaction, g.relayer_nonce"
            " from payments_payment p join payments_progress g on g.payment_id = p.id"
            " where p.nonce = %s",
            paper.nonce,
        )
        assert len(found) <= 1
        return dict(zip(names, found[0], strict=True)) if found else {}

    def money(self, paper: Paper) -> str:
        return str(self.row(paper).get("money", ""))

    def state(self, paper: Paper) -> tuple[str, str]:
        row = self.row(paper)
        return (row["work"], row["money"]) if row else ("", "")

    def calls(self, sold: Sold) -> int:
        return len(sold.calls)

    def paid(self, paper: Paper) -> int:
        """What has arrived at the seller's address, whatever brought it."""
        return self.chain.atomic_of(paper.terms["to"])

    def hurry(self, paper: Paper) -> None:
        """Have the settler look at this payment now, and not when it had meant to."""
        self.stack.rows(
            "update payments_progress set next_check_at = clock_timestamp()"
            " where payment_id = %s and next_check_at is not null returning 1",
            self.row(paper)["id"],
        )

    def look(self, paper: Paper) -> None:
        """Have the settler look at it, and wait until it has seen to it and means to come back."""
        self.hurry(paper)
        query = (
            "select 1 from payments_progress where payment_id = %s"
            " and coalesce(next_check_at > clock_timestamp(), true)"
        )
        self.wait(lambda: self.stack.rows(query, self.row(paper)["id"]), "a look")

    def wait(self, true: Any, what: str) -> None:
        self.stack.wait_until(true, what)

    def wait_state(self, paper: Paper, *states: tuple[str, str]) -> None:
        self._wait_for(paper, lambda: self.state(paper) in states, f"a state of {states}")

    def wait_money(self, paper: Paper, *moneys: str) -> None:
        self._wait_for(paper, lambda: self.money(paper) in moneys, f"money {moneys}")

    def _wait_for(self, paper: Paper, true: Any, what: str) -> None:
        try:
            self.wait(true, what)
        except AssertionError as error:
            asked = self.asked.get(paper.nonce)
            told = asked.result() if asked and asked.done() else "nothing yet"
            raise AssertionError(f"it is {self.state(paper)}, told {told}\n{error}") from None

    def confirm(self, paper: Paper) -> None:
        """Bury it deep enough."""
        self.wait_money(paper, "settled", "confirmed")
        self.chain.mine(2)
        self.wait_money(paper, "confirmed")

    # Hurting and healing

    @property
    def is_hurt(self) -> bool:
        """Whether one of our proxies stands in somebody's way."""
        return self.rpc.is_hurt or self.database.is_hurt

    def kill_worker(self) -> None:
        self.stack.kill(self.stack.workers.pop())

    def start_worker(self) -> None:
        self.stack.workers.append(self.stack.start_worker())

    def stop(self, process: subprocess.Popen[bytes]) -> None:
        """Freeze a process and its children where they stand."""
        os.killpg(process.pid, signal.SIGSTOP)
        self.stopped.append(process)

    def go_on(self) -> None:
        while self.stopped:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.stopped.pop().pid, signal.SIGCONT)

    def empty_broker(self) -> None:
        for message in Path(self.stack.environment["SOUK_MESSAGES_DIR"]).rglob("*.msg"):
            message.unlink(missing_ok=True)

    def let_go(self) -> None:
        """Nothing of ours holds anybody up any more."""
        self.go_on()
        self.rpc.heal()
        self.database.pass_on()
        for gate in self.gates:
            gate.open()
        self.gates.clear()

    def heal(self) -> None:
        """Undo every fault; what was waiting goes on."""
        self.let_go()
        self.chain.resume()
        self.chain.set_balance(self.chain.relayer.address, GAS_ALLOWANCE)
        self.chain.rpc("evm_setTime", [int(time.time())])
        self.chain.rpc("anvil_setNextBlockBaseFeePerGas", [hex(BASE_FEE_WEI)])
        if not self.stack.workers:
            self.start_worker()
        for index, web in enumerate(self.stack.webs):
            if web.poll() is not None:
                self.stack.webs[index] = self.stack.start_web(self.stack.ports[index])
        self.chain.mine()
        for index in range(len(self.stack.ports)):
            self.wait(lambda index=index: answers(self.stack.ports[index]), "the web processes")
        self.wait(self.stack.settling, "the settler")

    def quiet(self) -> None:
        """Wait until nothing is under way any more, mining what waits for depth."""
        seen: list[Any] = []
        # The dearest last: it is asked when all others say that it is quiet.
        looks = (lambda: self.stack.rows(UNDER_WAY), self._unmined, self._unseen)

        def nothing_under_way() -> bool:
            self.chain.mine()
            seen[:] = next(filter(None, (each() for each in looks)), [])
            return not seen

        try:
            self.stack.wait_until(nothing_under_way, "quiet")
        except AssertionError as error:
            raise AssertionError(f"under way, unmined or unseen: {seen}\n{error}") from None

    def _unmined(self) -> list[Any]:
        """Our numbers that are in no block."""
        found = []
        for address, next_nonce in self.stack.rows(
            "select address, next_nonce from payments_relayer"
        ):
            mined = int(self.chain.rpc("eth_getTransactionCount", [address, "latest"]), 16)
            if mined != next_nonce:
                found.append((address, mined, next_nonce))
        return found

    def _unseen(self) -> list[Any]:
        """What was spent on chain and is not booked; after a void that is looked for rarely."""
        used = [each.nonce for each in record.moved(self.chain)]
        return self.stack.rows(
            "select p.id, g.work, g.money from payments_payment p"
            " join payments_progress g on g.payment_id = p.id"
            " where p.nonce = any(%s) and g.money <> 'confirmed'",
            used,
        )

    def check(self, **how: bool) -> Books:
        url = self.stack.database_url
        return check(url, chain=self.chain, witness=self.witness, **how)

    def make_final(self) -> None:
        """Bury everything under final blocks."""
        self.chain.mine(FINAL_BLOCKS)

    @contextlib.contextmanager
    def later(self, seconds: int) -> Iterator[None]:
        """The chain is ahead for a while, at a final block; then it is today again, for all."""
        with self._ahead(seconds):
            yield
        for web in range(len(self.stack.ports)):
            self.wait(lambda web=web: self._is_today_at(web), "that the doors know the time")

    @contextlib.contextmanager
    def _ahead(self, seconds: int) -> Iterator[None]:
        self.chain.move_to(self.now + seconds)
        self.make_final()
        try:
            yield
        finally:
            self.chain.rpc("evm_setTime", [int(time.time())])
            self.chain.mine()

    def _is_today_at(self, web: int) -> bool:
        """A door takes what is good for a little: what speaks against it is the empty wallet."""
        self.minute = self.minute or self.sell()
        if ask(self.minute.url).status != 402:
            return False
        said = self.send(self.sign(self.minute, somebody("nobody"), seconds=SHORT_SECONDS), web=web)
        return said.status == 402 and said.challenge["error"] == Reason.INSUFFICIENT_BALANCE

    def ends_well(self) -> None:
        """After a test: every invariant holds. A wrong variant was noticed by then, or was not."""
        self.let_go()
        if not IS_WRONG_VARIANT:
            self.heal()
            self.insist_on_no_fault()
            self.quiet()
            self.check()

    def insist_on_no_fault(self) -> None:
        """Whatever is done to it, a door that fails has a fault: its log says where."""
        logs = [log.read_text(errors="replace") for log in self.stack.folder.glob("web-*.log")]
        told = [line for log in logs for line in log.splitlines() if "The door failed" in line]
        new, self.faults = [line for line in told if line not in self.faults], told
        assert new == []

    def closes_well(self) -> None:
        """After all tests."""
        self.let_go()
        if not IS_WRONG_VARIANT:
            self.heal()
            self.quiet()
            self.end()

    def end(self) -> None:
        """The bound of I-22: once windows are over and blocks final, every claim is closed."""
        open_rows = "select 1 from payments_progress where closed_at is null limit 1"
        with self._ahead(WINDOW_SECONDS + 61):  # and nobody buys any more
            self.wait(lambda: not self.stack.rows(open_rows), "the end of every claim")
        self.check(final=True)


PAID = ("settled", "confirmed")
UNDER_WAY = """
    select payment_id, work, money, relayer_nonce, next_check_at, alone from payments_progress
     where work = 'open' or money in ('broadcast', 'settled')
        or (work = 'answered' and money = 'none')
        or (money = 'confirmed' and next_check_at is not null
            and version > (select max(r.version) from payments_receipt r
                            where r.payment_id = payments_progress.payment_id))
     limit 1
"""


def somebody(role: str) -> Person:
    """Somebody nobody has seen before."""
    key = "0x" + secrets.token_hex(32)
    return Person(role, to_checksum_address(Account.from_key(key).address), key)


@contextlib.contextmanager
def open_market(
    folder: Path,
    binary: Path,
    blocker: Any,
    *,
    database_url: str = "",
    network_settings: Mapping[str, Any] | None = None,
    relayer_keys: tuple[str, ...] = (RELAYER.private_key,),
    hasty_seconds: float = 0,
    **environment: str,
) -> Iterator[Market]:
    """A marketplace of two web processes and a worker, with proxies on its lines.

    With `hasty_seconds` it has one door more, whose buyers wait for their money no longer.
    """
    hasty = {"HOLD_WAIT_SECONDS": str(hasty_seconds)} if hasty_seconds else None
    with contextlib.ExitStack() as ends:
        between: dict[str, Any] = {}
        looking = Looking()
        ends.callback(looking.close)  # after the upstream, where the witness stands

        def rpc_through(node_url: str) -> str:
            between["rpc"] = RpcProxy(node_url)
            ends.callback(between["rpc"].close)
            return str(between["rpc"].url)

        def database_through(url: str) -> str:
            between["database"] = TcpProxy(url)
            ends.callback(between["database"].close)
            port = conninfo_to_dict(between["database"].conninfo)["port"]
            return f"postgresql://{urlsplit(url).username}@127.0.0.1:{port}{urlsplit(url).path}"

        stack = ends.enter_context(
            running_stack(
                folder,
                binary,
                blocker,
                block_seconds=0,
                relayer_keys=relayer_keys,
                network_settings={"HEAD_POLL_MS": 100, **(network_settings or {})},
                database_url=database_url,
                rpc_through=rpc_through,
                database_through=database_through,
                has_beat=False,  # thirty tasks that no payment waits for
                another_door=hasty,
                **{**QUICK, **environment},
            )
        )
        callers = ends.enter_context(ThreadPoolExecutor(CALLERS_MAX))
        witness = Witness(stack.database_url, looking)
        market = Market(stack, between["rpc"], between["database"], witness, callers)
        ends.callback(market.go_on)
        yield market
