"""Every statement of the paid path finds its rows by an index, and looks at few pages.

Who must be here is read from the program's own source: a function that speaks to the database
and is not asked in `day` is either named below with the reason, or a complaint.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import override_settings

from marketplace.settings import CHAIN_DEFAULTS
from payments import earnings, retention
from payments.partitions import make_ahead
from payments.pool import open_pool
from sellers import health, notices, signed_offers, webhooks
from sellers.site import this_site
from tests.architecture.tree import Module, dotted, modules
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import NETWORK, USDC
from tests.fixtures.stack import make_database, where_is
from tests.fixtures.storefront import Storefront
from tests.payments.plans import day, earnings_day
from tests.payments.plans.explaining import Asker, Plans, explaining_pages, explaining_pool
from tests.payments.plans.filling import OTHERS_EARNINGS, RELAYER_ADDRESS, fill

PLANNER_SINCE = 160_000  # an older one takes other indexes here and there, and answers the same
BUFFERS_MAX = 80
# What takes many rows at once looks at more pages: about so many here, for twenty of them.
MORE_BUFFERS: dict[Asker, int] = {
    ("marketplace/calls/tally.py", "flush"): 600,
    ("marketplace/views.py", "home"): 400,  # fifty listings
    ("payments/acceptance.py", "_claim"): 2_500,  # ten claims: nine writes and their indexes
    ("payments/acceptance.py", "record_together"): 2_000,
    ("payments/broadcasts.py", "watched"): 300,
    ("payments/broadcasts.py", "_note_mined"): 120,
    ("payments/desk.py", "passengers"): 400,
    ("payments/desk.py", "take_due"): 1_500,
    ("payments/desk.py", "look_again"): 1_000,
    ("payments/earnings.py", "_count_page"): 120,  # twenty steps
    ("payments/earnings.py", "count_payments"): 3_000,
    ("payments/gas.py", "attribute"): 300,
    ("payments/gas.py", "over_cap"): 120,  # fifty sellers of today
    ("payments/relaying.py", "_relayer_trouble"): 300,
    ("payments/ledger.py", "_write"): 700,
    ("payments/limits.py", "make_room"): 700,
    ("payments/limits.py", "rebalance"): 1_200,
    ("payments/limits.py", "fits_again"): 120,
    ("payments/outcomes.py", "_wipe"): 1_000,
    ("payments/outcomes.py", "close"): 900,
    ("payments/receipts.py", "issue"): 1_500,
    ("payments/reports/buyers.py", "buyers"): 200,  # four hundred buyers
    ("payments/reports/sales.py", "_found"): 2_000,  # twenty-five, among those of a robot
    ("payments/relayer.py", "mark_sent"): 120,
    ("payments/relayer.py", "store"): 120,
    ("payments/retention.py", "forget_idle_counters"): 700,
    ("payments/settlement.py", "void_dead_leases"): 400,  # thirty calls whose process died
    ("payments/settler.py", "_look_above"): 1_500,  # ten blocks of payments
    ("payments/reports/upkeep.py", "served_lately"): 300,  # the last twenty of a listing
    ("payments/states.py", "move"): 150,
    ("payments/states.py", "move_together"): 2_500,  # twenty payments
    ("payments/siwx.py", "_burn"): 200,
    ("payments/outbox.py", "take_untold"): 800,
    ("sellers/outbox.py", "feed"): 1_200,  # twenty messages: one write and six indexes each
    ("sellers/sending.py", "claim"): 2_500,  # of two hundred addresses, twenty messages
    ("sellers/webhooks.py", "_drop"): 400,
    ("sellers/signed_offers.py", "_open_prices"): 200,
    ("sellers/signed_offers.py", "sign_due"): 1_000,
}

# Whoever is asked all the time, and the indexes that must answer.
BY_INDEX: dict[Asker, set[str]] = {
    ("marketplace/calls/promises.py", "renew"): {"signedoffers_by_time"},
    ("marketplace/calls/shelf.py", "refresh"): {"listing_shelf_version"},
    ("marketplace/calls/stock.py", "read"): {"listing_slug_once", "openoffer_by_listing"},
    ("marketplace/views.py", "home"): {"listing_newest"},
    ("payments/acceptance.py", "_claim"): {
        "payments_payment_identity_key", "payments_openoffer_pkey",
    },
    ("payments/acceptance.py", "record_together"): {
        "payments_progress_pkey", "payments_payment_pkey",
    },
    ("payments/acceptance.py", "renew_leases"): {"payments_progress_pkey"},
    ("payments/broadcasts.py", "finish"): {"broadcast_mined", "broadcast_by_block"},
    ("payments/broadcasts.py", "watched"): {"broadcast_waiting"},
    ("payments/desk.py", "passengers"): {"progress_by_nonce"},
    ("payments/desk.py", "take_due"): {"progress_due"},
    ("payments/gas.py", "attribute"): {"progress_by_nonce"},
    ("payments/gas.py", "over_cap"): {"gasuse_once"},
    ("payments/relaying.py", "_relayer_trouble"): {"broadcast_waiting"},
    ("payments/limits.py", "contract_budget_left"): {"payment_by_payer"},
    ("payments/lookup.py", "abandoned_twin"): {"progress_sought"},
    ("payments/lookup.py", "by_identities"): {"payments_payment_identity_key"},
    ("payments/lookup.py", "stored_answer"): {"payments_answer_pkey"},
    ("payments/relayer.py", "forget_block"): {"broadcast_by_block"},
    ("payments/relayer.py", "take_seat"): {"broadcast_waiting"},
    ("payments/settlement.py", "void_dead_leases"): {"progress_leases"},
    ("payments/settler.py", "_look_above"): {"progress_due"},
    ("payments/reports/upkeep.py", "served_lately"): {"payment_by_listing"},
    ("sellers/health.py", "forget_probes"): {"proberesult_by_time"},
    ("sellers/probing.py", "claim"): {"health_due"},
    ("sellers/keys.py", "recognise"): {"sellers_apikey_hash_key"},
    ("sellers/listings.py", "forget_closed"): {"openoffer_closed"},
    ("sellers/sending.py", "claim"): {"delivery_due", "delivery_claimed"},
    ("sellers/webhooks.py", "_drop"): {"delivery_done"},
    ("sellers/signed_offers.py", "_due"): {"listing_shelf_version", "challengecount_by_minute"},
}  # fmt: skip

BY_HAND = "an operator's or a seller's single act"
START = "once, when a process or a demo starts"
# Whoever is not asked here, or may read a table from end to end, and why.
NOT_HOT: dict[Asker, str] = {
    ("marketplace/doctor/database.py", "_listens"): BY_HAND,
    ("marketplace/doctor/database.py", "_server"): BY_HAND,
    ("marketplace/doctor/networks.py", "read_gas_books"): BY_HAND,
    ("marketplace/doctor/programs.py", "_beat"): BY_HAND,
    ("marketplace/doctor/programs.py", "_settler"): BY_HAND,
    ("marketplace/embedded/postgres.py", "create_database"): START,
    ("marketplace/embedded/preparation.py", "keep_admin"): START,
    ("marketplace/embedded/seed.py", "keep_owners"): START,
    ("marketplace/embedded/readiness.py", "database_clock"): START,
    ("marketplace/embedded/readiness.py", "has_sold"): START,
    ("marketplace/embedded/readiness.py", "has_tables"): START,
    ("marketplace/embedded/readiness.py", "is_settling"): START,
    ("marketplace/management/commands/backfill.py", "_seller"): BY_HAND,
    ("marketplace/management/commands/listing.py", "_act"): BY_HAND,
    ("marketplace/tasks.py", "forget_visits"): "it asks in _drop",
    ("payments/earnings.py", "_sold_after"): BY_HAND,
    ("payments/earnings.py", "begin"): START,
    ("payments/earnings.py", "count_anew"): BY_HAND,
    ("payments/engine.py", "beat"): "one row by its name",
    ("payments/partitions.py", "_patiently"): "makes and drops tables",
    (
        "payments/partitions.py",
        "drop_expired_bodies",
    ): "the catalog, and what has no partition",
    ("payments/pool.py", "_insist_on_durability"): START,
    ("payments/pool.py", "_prepare"): START,
    ("payments/pool.py", "one"): "carries others' statements",
    ("payments/pool.py", "rows"): "carries others' statements",
    ("payments/reconcile.py", "_books"): "an audit reads every payment, once a day",
    ("payments/reconcile.py", "_first_block"): "the same",
    ("payments/relayer.py", "bury"): "once for each use of a stolen key",
    (
        "payments/reports/one_payment.py",
        "_latest_receipts",
    ): "asked by payment_report and latest_receipt",
    ("payments/retention.py", "_in_batches"): "once an hour, a bounded number of old rows",
    ("marketplace/embedded/readiness.py", "has_lost_payments"): START,
    ("payments/limits.py", "forgive"): "once an hour, a bounded number of losses",
    ("payments/reports/earnings.py", "_of"): "asked by overview, by_time and by_listing",
    ("payments/submissions.py", "_insert"): "one row, by its payment's key",
    ("payments/wallets.py", "burn"): "the same statement as siwx._burn",
    ("payments/wakeups.py", "_ring"): "reads no table",
    ("payments/wakeups.py", "_rings"): "reads no table",
    **{
        (f"sellers/{file}.py", name): BY_HAND
        for file, names in {
            "finishing": ("submit",),
            "listings": ("take_over_secrets",),
            "looks": ("_looked", "_secrets", "_tell", "ask", "run"),
            "pages/life": ("_shown", "move"),
            "pages/own": ("own_listing",),
            "pages/payouts": ("_shown",),
            "payouts": ("_kept",),
            "steps": ("_words", "missing_secrets"),
            "worksheets": (
                "drop_secret",
                "edit",
                "fill_in",
                "keep_secret",
                "put",
                "save",
                "start",
            ),
        }.items()
        for name in names
    },
    ("sellers/looks.py", "run_due"): "the few looks that somebody waits for",
    ("sellers/worksheets.py", "forget_untouched"): "unfinished drafts, once a night",
    ("marketplace/moderation/views.py", "_waiting"): BY_HAND,
    ("sellers/directory.py", "find"): BY_HAND,
    ("sellers/earnings_filters.py", "offerings"): "one seller's listings",
    ("sellers/pages/earnings.py", "_asked_for"): "one seller's prices",
    ("sellers/pages/earnings_files.py", "_payouts"): "one seller's prices",
    ("sellers/directory.py", "give_to"): START,
    ("sellers/directory.py", "open_seller"): BY_HAND,
    ("sellers/directory.py", "open_seller_for"): BY_HAND,
    ("sellers/directory.py", "seller_of"): "one row, by its owner",
    ("sellers/listings.py", "_close_offers"): BY_HAND,
    ("sellers/listings.py", "_locked"): BY_HAND,
    ("sellers/listings.py", "_open_offers"): BY_HAND,
    ("sellers/listings.py", "_raised_shelf_version"): BY_HAND,
    ("sellers/listings.py", "keep_secret"): BY_HAND,
    ("sellers/listings.py", "revoke_payout"): BY_HAND,
    ("sellers/revisions.py", "write_revision"): BY_HAND,
    ("sellers/api/money.py", "_paying"): BY_HAND,
    ("sellers/api/money.py", "earnings"): BY_HAND,
    ("sellers/api/listings.py", "_of"): BY_HAND,
    ("sellers/api/listings.py", "health"): BY_HAND,
    ("sellers/health.py", "choose_way"): BY_HAND,
    ("sellers/health.py", "enroll"): "every listing, to find the few that are new",
    ("sellers/health.py", "health_of"): BY_HAND,
    ("sellers/pages/health.py", "show"): BY_HAND,
    ("sellers/probing.py", "_prepared"): "one row, by its key",
    ("sellers/probing.py", "claim"): "twenty of some hundred listings: few pages either way",
    ("sellers/keys.py", "forget_keys"): "a seller has a few, once a night",
    ("sellers/keys.py", "issue"): BY_HAND,
    ("sellers/keys.py", "keys_of"): BY_HAND,
    ("sellers/keys.py", "revoke"): BY_HAND,
    ("sellers/logos.py", "find"): "one picture, by its key",
    ("sellers/outbox.py", "announce"): BY_HAND,
    ("sellers/repeats.py", "_again"): BY_HAND,
    ("sellers/repeats.py", "once"): BY_HAND,
    ("sellers/pages/webhooks.py", "_context"): BY_HAND,
    ("sellers/webhooks.py", "_give_up_waiting"): BY_HAND,
    ("sellers/webhooks.py", "deliveries_of"): BY_HAND,
    ("sellers/webhooks.py", "disable"): BY_HAND,
    ("sellers/webhooks.py", "enable"): BY_HAND,
    ("sellers/webhooks.py", "open_webhook"): BY_HAND,
    ("sellers/webhooks.py", "remove"): BY_HAND,
    ("sellers/webhooks.py", "resend"): BY_HAND,
    ("sellers/webhooks.py", "rotate_secret"): BY_HAND,
    ("sellers/webhooks.py", "webhooks_of"): BY_HAND,
    ("sellers/notices.py", "notify"): "one row, when an address is given up",
    ("sellers/signed_offers.py", "_due"): "the worker's, for every listing that is asked for",
    ("sellers/signed_offers.py", "_sold"): "asked by _due and forget_unsold",
    ("sellers/signed_offers.py", "forget_unsold"): "every signature that is kept, once an hour",
    ("sellers/signed_offers.py", "last_signed"): BY_HAND,
}

# Whoever signs in reads a few rows of their own, by a key.
SIGNING_IN = {
    "entrance": "waiting",
    "forms": "free_name known_spelling",
    "letters": "ask_for_reset person_with _take_due",
    "linking": "is_known owner_of link unlink ways_in _open_account _is_same",
    "reset_views": "_person_at",
    "second_factor": "is_enrolled enrol new_codes codes_left remove present_code _use_step"
    " _use_recovery",
    "sessions": "end_all _rows",
    "throttle": "_take _forget",
    "views": "sign_up _home_page",
}
NOT_HOT |= {
    (f"marketplace/accounts/{file}.py", name): "a person's own rows, by a key"
    for file, names in SIGNING_IN.items()
    for name in names.split()
} | {
    ("marketplace/management/commands/account.py", name): BY_HAND
    for name in ("_person", "_moderate")
}


@pytest.fixture(scope="module")
def plans(django_db_blocker: Any) -> Iterator[Plans]:
    """The plans of a day's statements on twenty thousand payments."""
    url = make_database(f"plans_{uuid.uuid4().hex[:12]}")
    own = dict(connection.settings_dict)
    chain = {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [USDC]}
    connection.close()
    connection.settings_dict.update(where_is(url))
    with (
        override_settings(
            CHAINS={NETWORK: chain},
            DATABASE_URL=url,
            DATABASE_DIRECT_URL=url,
            EGRESS_ALLOW=["127.0.0.0/8:1"],
        ),
        django_db_blocker.unblock(),
    ):
        try:
            call_command("migrate", verbosity=0)
            Storefront(this_site(), SimpleNamespace(url="http://127.0.0.1:1")).publish("tests/x")  # type: ignore[arg-type]
            yield _a_day(url)
        finally:
            connection.close()
            connection.settings_dict.update(own)


def _a_day(url: str) -> Plans:
    seen = Plans()
    asyncio.run(_make_partitions(url))
    _leave_statistics_alone()
    seller = uuid.uuid4()
    fill(
        url,
        {
            "network": NETWORK, "asset": USDC, "relayer": RELAYER_ADDRESS,
            "pay_to": Cast.seller.address, "seller": seller,
        },
    )  # fmt: skip
    asyncio.run(_count(url, seller))
    with few_at_once():
        payments = asyncio.run(_ask(url, seen, seller))
    with few_at_once(), connection.execute_wrapper(explaining_pages(seen)):
        day.pages(payments)
        earnings_day.sold(seller)
    return seen


def _leave_statistics_alone() -> None:
    """PostgreSQL would look at the tables anew in the middle of a slow machine's day."""
    with connection.cursor() as cursor:
        cursor.execute(
            "select relname from pg_class where relkind = 'r'"
            " and relnamespace = 'public'::regnamespace"
        )
        for (table,) in cursor.fetchall():
            cursor.execute(f'alter table "{table}" set (autovacuum_enabled = false)')


@contextlib.contextmanager
def few_at_once() -> Iterator[None]:
    """Bulk work takes as few rows as the plans are meant for."""
    with (
        patch.object(retention, "ROWS_AT_ONCE", day.FEW),
        patch.object(earnings, "STEPS_AT_ONCE", day.FEW),
        patch.object(earnings, "PAYMENTS_AT_ONCE", 500),
        patch.object(signed_offers, "REVISIONS_AT_ONCE", day.FEW),
        patch.object(webhooks, "ROWS_AT_ONCE", day.FEW),
        patch.object(notices, "ROWS_AT_ONCE", day.FEW),
        patch.object(health, "ROWS_AT_ONCE", day.FEW),
    ):
        yield


async def _make_partitions(url: str) -> None:
    pool = await open_pool(url, size_max=1)
    await make_ahead(pool, datetime.now(UTC).date())
    await pool.close()


async def _count(url: str, seller: uuid.UUID) -> None:
    pool = await open_pool(url, size_max=1)
    await earnings.count_anew(pool, seller)
    async with pool.connection() as connection:
        await connection.execute(OTHERS_EARNINGS)
        await connection.execute("vacuum analyze")
    await pool.close()


async def _ask(url: str, seen: Plans, seller: uuid.UUID) -> list[uuid.UUID]:
    async with explaining_pool(url, seen) as pool:
        shown = await day.some(pool, "answered", "confirmed")
        shown += await day.some(pool, "answered", "broadcast")
        await day.door(pool)
        await day.behind_the_door(pool)
        await day.settler(day.open_desk(pool))
        await retention.forget(pool)
        await earnings_day.counting(pool, seller)
        seen.add("", await day.without_index(pool), ("tests", "without an index"))
    return shown


def speakers(checkout: Path) -> set[Asker]:
    """Every function of the program that sends a statement of its own."""
    return {
        (module.path, name)
        for module in modules(checkout)
        if "/migrations/" not in module.path
        for name in _speaking(module)
    }


def _speaking(module: Module) -> Iterator[str]:
    for node in module.nodes():
        is_function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        if is_function and any(_speaks(inner) for inner in ast.walk(node)):
            yield node.name  # type: ignore[attr-defined]


def _speaks(node: ast.AST) -> bool:
    if isinstance(node, ast.Attribute):
        return node.attr in {"objects", "_default_manager"}
    if isinstance(node, ast.Call):
        name = dotted(node.func)
        return name in {"one", "rows"} or name.split(".")[-1] in {"execute", "executemany"}
    return False


def test_every_function_that_asks_is_looked_at(plans: Plans, checkout: Path) -> None:
    asking = speakers(checkout)
    assert asking - plans.askers - set(NOT_HOT) == set(), "ask them in day.py, or say why not"
    assert (set(NOT_HOT) | set(BY_INDEX) | set(MORE_BUFFERS)) - asking == set(), "they are gone"


@pytest.fixture
def planner(plans: Plans) -> None:
    """The planner of PostgreSQL 15 takes other ways here and there."""
    if connection.pg_version < PLANNER_SINCE:
        pytest.skip("the plans are held for the planner of PostgreSQL 16 and newer")


@pytest.mark.usefixtures("planner")
def test_no_table_of_some_size_is_read_from_end_to_end(plans: Plans) -> None:
    read = [
        f"{plan.asker}: {plan.read_whole} by {plan.statement[:200]}"
        for plan in plans.seen
        if plan.read_whole and plan.asker not in NOT_HOT and plan.asker[0] != "tests"
    ]
    assert read == [], "\n".join(read)


@pytest.mark.usefixtures("planner")
def test_the_named_indexes_answer(plans: Plans) -> None:
    for asker, names in BY_INDEX.items():
        used = set().union(*(plan.indexes for plan in plans.of(asker)))
        assert names <= used, f"{asker} uses {sorted(used)}"


@pytest.mark.usefixtures("planner")
def test_few_pages_are_looked_at(plans: Plans) -> None:
    over = [
        f"{plan.asker}: {plan.buffers} pages by {plan.statement[:200]}"
        for plan in plans.seen
        if plan.asker not in NOT_HOT
        and plan.asker[0] != "tests"
        and plan.buffers > MORE_BUFFERS.get(plan.asker, BUFFERS_MAX)
    ]
    assert over == [], "\n".join(over)


def test_a_table_without_its_index_is_noticed(plans: Plans) -> None:
    """The bounds could not fail otherwise."""
    whole = plans.of(("tests", "without an index"))
    assert whole
    assert whole[0].read_whole == ["payments_payment"]
    assert whole[0].buffers > BUFFERS_MAX
