"""Work without a broker: every due row, in a loop or once.

Whatever beat rings for often is done here as well, as often: people and agents wait for it. What
beat rings for at a time of the day or hour is housekeeping, and stays Celery's.
"""

from __future__ import annotations

import asyncio
import logging
import signal
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from django.core.management.base import BaseCommand, CommandParser
from django.db import connections
from django.utils import timezone

from marketplace import alerts, duty_letters
from marketplace.accounts import erasure
from marketplace.accounts.tasks import send_letters
from marketplace.catalog import built
from marketplace.catalog.documents.market import this_market
from marketplace.celery import OFTEN
from marketplace.management.manners import alone, speaks_json, tell
from payments.reports import kept_buyers
from payments.settling import engine
from payments.wiring.keys import offer_signer
from payments.wiring.networks import networks, seller_gas_caps
from sellers.domains import looks as domain_looks
from sellers.drafting import fetches
from sellers.grading.verification import verify_due
from sellers.jobs import turns
from sellers.market import figures
from sellers.news.floors import tell_not_offered
from sellers.news.gas import tell_spent
from sellers.reviews.verdicts import carry_out_due
from sellers.signed_offers import sign_due
from sellers.site import review_rules, this_site
from sellers.tasks import tell_and_send, tend_and_tell
from sellers.upstreams import looks
from sellers.upstreams.probing import probe_due

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Act:
    """What is done when beat would ring, and how it is told of."""

    ring: str
    name: str
    said: str
    what: str
    do: Callable[[], int]

    @property
    def seconds(self) -> float:
        return OFTEN[self.ring][1]


def _sign() -> int:
    signer = offer_signer()
    return 0 if signer is None else sign_due(signer, this_site())


def _look_for_sellers() -> int:
    return looks.run_due(this_site()) + fetches.run_due(this_site())


ACTS: Final = (  # in the order in which one leads to another
    Act("carry out verdicts", "verdicts", "carried out", "verdict(s)",
        lambda: carry_out_due(review_rules())),
    Act("tell of limits", "limits", "told of", "limit(s)", alerts.note_and_tell),
    Act("forgive losses", "losses", "forgave", "loss(es) of instant release",
        lambda: asyncio.run(engine.forgive())),
    Act("tend disputes", "disputes", "looked at", "dispute(s) and refund(s)", tend_and_tell),
    Act("tell of gas", "gas", "told", "seller(s) that their gas is spent",
        lambda: tell_spent(seller_gas_caps())),
    Act("tell of floors", "floors", "told", "seller(s) that a price is not offered",
        lambda: tell_not_offered(this_site())),
    Act("tell of duties", "duties", "told", "person(s) what waits for them",
        duty_letters.write_due),
    Act("send letters", "letters", "wrote", "letter(s)", send_letters),
    Act("send webhooks", "webhooks", "sent", "webhook message(s)", tell_and_send),
    Act("look at listings", "listings", "looked at", "listing(s)",
        lambda: probe_due(this_site())),
    Act("verify listings", "checklists", "went through", "checklist(s)",
        lambda: verify_due(this_site())),
    Act("look at upstreams", "looks", "looked for sellers at", "endpoint(s) and document(s)",
        _look_for_sellers),
    Act("look at domains", "domains", "looked at", "domain(s) of sellers",
        lambda: domain_looks.run_due(this_site())),
    Act("sign the quotes", "quotes", "signed the quotes of", "listing(s)", _sign),
    Act("keep the catalog's figures", "figures", "made the figures of", "listing(s)",
        figures.keep),
    Act("build documents", "documents", "built", "document(s)",
        lambda: built.build(this_market(), timezone.now())),
    Act("count buyers", "buyers", "counted", "list(s) of buyers", kept_buyers.run_due),
    Act("erase accounts", "accounts", "erased", "account(s)", erasure.run_due),
)  # fmt: skip


class Command(BaseCommand):
    help = (
        "Do what Celery and beat do, without a broker: payments, verdicts, disputes, letters,"
        " webhook messages, looks at listings and what the catalog says of them; in a loop, or"
        " once (for cron). Dropping what is old and the hourly comparison with the chain need"
        " Celery."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="take what is due now, and end")
        speaks_json(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        if options["once"]:
            with alone("work --once"):
                settled = asyncio.run(engine.settle_once())
                taken = {each.name: each.do() for each in ACTS}
            words = [f"looked at everything due on {settled} network(s)"]
            words += [f"{each.said} {taken[each.name]} {each.what}" for each in ACTS]
            tell(self.stdout, {"networks": settled, **taken}, words, as_json=options["json"])
            return
        said = {"settling": networks()}
        tell(self.stdout, said, ["settling; Ctrl-C stops"], as_json=options["json"])
        self.stdout.flush()
        asyncio.run(_until_stopped())


async def _until_stopped() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await work_until(stop)


async def work_until(stop: asyncio.Event) -> None:
    """Settle, and ring for everything else, until told to stop."""
    with ThreadPoolExecutor(len(ACTS)) as threads:  # a slow endpoint keeps no verdict waiting
        ringing = [asyncio.create_task(_ring_for(each, threads, stop)) for each in ACTS]
        done, stopped = asyncio.Event(), asyncio.create_task(stop.wait())
        settling = asyncio.create_task(engine.settle_until(done))
        await asyncio.wait({settling, stopped}, return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        turns.stop()
        if not settling.done():  # it settles for as long as the slowest of them is at it
            await asyncio.gather(*ringing)
        done.set()
        await settling


async def _ring_for(act: Act, threads: ThreadPoolExecutor, stop: asyncio.Event) -> None:
    """What beat and a worker do otherwise: an act that failed is done again at the next ring."""
    while not stop.is_set():
        doing = asyncio.get_running_loop().run_in_executor(threads, _do_and_close, act)
        await asyncio.wait([doing])
        if error := doing.exception():
            log.error("could not %s; tried again in %s s", act.ring, act.seconds, exc_info=error)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), act.seconds)


def _do_and_close(act: Act) -> None:
    try:
        act.do()
    finally:
        connections.close_all()
