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

from marketplace.configuration.chains import CHAIN_DEFAULTS
from marketplace.embedded.postgres import Postgres
from payments import earnings
from payments.database import old_rows, retention
from payments.database.partitions import make_ahead
from payments.database.pool import open_pool
from sellers import signed_offers
from sellers.site import this_site
from tests.architecture.tree import Module, dotted, modules
from tests.fixtures.cast import Cast
from tests.fixtures.purchases import NETWORK, USDC
from tests.fixtures.stack import where_is
from tests.fixtures.storefront import Storefront
from tests.payments.plans import buying_day, day, earnings_day
from tests.payments.plans.explaining import Asker, Plans, explaining_pages, explaining_pool
from tests.payments.plans.filling import OTHERS_EARNINGS, RELAYER_ADDRESS, fill

# Locks other messages for each address that it comes to, and none twice.
ADDRESS_BY_ADDRESS: Asker = ("sellers/webhooks/sending.py", "claim")
PLANNER_SINCE = 160_000  # an older one takes other indexes here and there, and answers the same
BUFFERS_MAX = 80
# What takes many rows at once looks at more pages: about so many here, for twenty of them.
MORE_BUFFERS: dict[Asker, int] = {
    ("marketplace/calls/tally.py", "flush"): 600,
    ("marketplace/calls/troubles.py", "tell"): 400,  # twenty breakers, each with its listing
    ("payments/acceptance/claiming.py", "_claim"): 1_400,  # ten: nine writes and their indexes
    ("payments/acceptance/answering.py", "record_together"): 1_200,
    ("payments/acceptance/passing.py", "keep_together"): 1_000,  # ten of 30 kB: 15 rows' toast each
    ("payments/relaying/watching.py", "watched"): 300,
    ("payments/settling/desk.py", "passengers"): 400,
    ("payments/settling/desk.py", "_take"): 1_500,
    ("payments/relaying/fares.py", "_on_the_way"): 1_500,  # 240 that are in no block yet
    ("payments/settling/desk.py", "look_again"): 1_000,
    ("payments/settling/desk.py", "put_off"): 1_000,
    ("payments/earnings.py", "count_payments"): 2_500,
    ("payments/relaying/gas.py", "attribute"): 300,
    ("payments/relaying/gas.py", "over_cap"): 110,  # fifty sellers of today
    ("payments/relaying/gas.py", "all_out_of_budget"): 400,  # ninety failures of the last hour
    ("payments/relaying/settling.py", "_relayer_trouble"): 300,
    ("payments/ledger.py", "_write"): 700,
    ("payments/exposure/risk.py", "make_room"): 700,
    ("payments/exposure/risk.py", "rebalance"): 1_000,
    ("payments/settling/outcomes.py", "_wipe"): 1_000,
    ("payments/settling/outcomes.py", "close"): 500,
    ("payments/receipts/issuing.py", "issue"): 1_500,
    ("payments/reports/buyers.py", "buyers"): 140,  # four hundred buyers
    ("payments/reports/purchases.py", "_found"): 2_500,  # the same of a robot's own
    ("payments/reports/one_payment.py", "repeats_of"): 400,  # the hundred around one
    ("payments/reports/finding.py", "_hashed"): 25_000,  # what no index knows: its ten thousand
    ("payments/reports/finding.py", "paid_in"): 25_000,  # the same, of what others sent
    ("payments/reports/finding.py", "_own"): 400,  # a hundred payments of one transaction
    ("payments/reports/finding_sales.py", "_hashed"): 400,  # a hundred of one transaction
    ("payments/reports/finding_sales.py", "_among_newest"): 45_000,  # a seller's ten thousand
    ("payments/reports/finding_sales.py", "_own"): 400,
    ("payments/reports/earnings.py", "wallets_paid"): 3_500,  # a day's four hundred of a listing
    ("payments/reports/sales.py", "_found"): 2_000,  # twenty-five, among those of a robot
    ("payments/database/retention.py", "forget_idle_counters"): 400,
    ("payments/settling/settlement.py", "void_dead_leases"): 400,  # thirty calls whose process died
    ("payments/settling/lookout.py", "look_above"): 400,  # ten blocks of payments
    ("payments/reports/upkeep.py", "served_lately"): 300,  # the last twenty of a listing
    ("payments/moves.py", "move_together"): 800,  # twenty payments
    ("payments/wallets/siwx.py", "_burn"): 120,
    (
        "sellers/webhooks/outbox.py",
        "tell",
    ): 1_200,  # twenty messages: one write and six indexes each
    ("sellers/webhooks/sending.py", "claim"): 2_500,  # of two hundred addresses, twenty messages
    ("sellers/webhooks/webhooks.py", "forget_deliveries"): 400,
    ("sellers/signed_offers.py", "_open_prices"): 200,
    ("sellers/signed_offers.py", "sign_due"): 1_000,
}

# Whoever is asked all the time, and the indexes that must answer.
BY_INDEX: dict[Asker, set[str]] = {
    ("marketplace/calls/promises.py", "renew"): {"signedoffers_by_time"},
    ("marketplace/calls/shelf.py", "refresh"): {"listing_shelf_version"},
    ("marketplace/calls/stock.py", "read"): {"listing_slug_once", "openoffer_by_listing"},
    ("payments/acceptance/claiming.py", "_claim"): {
        "payments_payment_identity_key", "payments_openoffer_pkey", "payment_by_identifier",
    },
    ("payments/acceptance/attempts.py", "_has_namesake"): {"payment_by_identifier"},
    ("payments/lookup.py", "namesake"): {"payment_by_identifier"},
    ("payments/acceptance/answering.py", "record_together"): {
        "payments_progress_pkey", "payments_payment_pkey",
    },
    ("payments/acceptance/passing.py", "keep_together"): {
        "payments_progress_pkey", "payments_payment_pkey",
    },
    ("payments/acceptance/passing.py", "let_go"): {"payments_payment_pkey"},
    ("payments/cut_streams.py", "cut_stream_of"): {"payments_payment_pkey"},
    ("payments/acceptance/attempts.py", "renew_leases"): {"payments_progress_pkey"},
    ("payments/relaying/watching.py", "finish"): {"broadcast_mined", "broadcast_by_block"},
    ("payments/relaying/watching.py", "watched"): {"broadcast_waiting"},
    ("payments/settling/desk.py", "passengers"): {"progress_by_nonce"},
    ("payments/settling/desk.py", "_take"): {"progress_due", "progress_to_send"},
    ("payments/relaying/fares.py", "_on_the_way"): {"broadcast_waiting", "progress_by_nonce"},
    ("payments/relaying/gas.py", "attribute"): {"progress_by_nonce"},
    ("payments/relaying/gas.py", "over_cap"): {"gasuse_once"},
    ("payments/relaying/settling.py", "_relayer_trouble"): {"broadcast_waiting"},
    ("payments/relaying/gas.py", "out_of_budget"): {"failedsend_by_payer"},
    ("payments/relaying/gas.py", "all_out_of_budget"): {"failedsend_by_time"},
    ("payments/lookup.py", "abandoned_twin"): {"progress_sought"},
    ("payments/reports/purchases.py", "_found"): {"payment_by_payer"},
    ("payments/reports/finding_sales.py", "_hashed"): {"progress_by_nonce"},
    ("payments/reports/finding_sales.py", "_among_newest"): {"payment_by_seller"},
    ("payments/reports/finding_sales.py", "_own"): {"payments_payment_pkey"},
    ("payments/reports/earnings.py", "wallets_paid"): {"counted_by_listing"},
    ("payments/reports/spend.py", "spend"): {"buyerday_by_payer"},
    ("payments/reports/spend.py", "totals"): {"buyerday_by_payer"},
    ("payments/reports/spend.py", "ever"): {"buyerday_by_payer"},
    ("payments/disputes/clock.py", "open_unanswered"): {"progress_unanswered"},
    ("payments/lookup.py", "by_identities"): {"payments_payment_identity_key"},
    ("payments/lookup.py", "answer_bytes"): {"payments_answer_pkey"},
    ("payments/lookup.py", "stored_answer"): {"payments_answer_pkey"},
    ("payments/relaying/relayer.py", "forget_block"): {"broadcast_by_block"},
    ("payments/relaying/seats.py", "take_seat"): {"broadcast_waiting"},
    ("payments/settling/settlement.py", "void_dead_leases"): {"progress_leases"},
    ("payments/settling/lookout.py", "look_above"): {"progress_due"},
    ("payments/reports/upkeep.py", "served_lately"): {"payment_by_listing"},
    ("sellers/health/health.py", "forget_probes"): {"proberesult_by_time"},
    ("sellers/notices.py", "take_unmailed"): {"notice_unmailed"},
    ("sellers/jobs/due_rows.py", "take"): {"health_due"},
    ("sellers/programs/keys.py", "recognise"): {"sellers_apikey_hash_key"},
    ("sellers/on_sale/open_offers.py", "forget_closed"): {"openoffer_closed"},
    ("sellers/webhooks/sending.py", "claim"): {"delivery_due", "delivery_claimed"},
    ("sellers/webhooks/outbox.py", "_unwritten"): {"delivery_event_once"},
    ("payments/outbox.py", "_page"): {"payments_payment_pkey"},
    ("sellers/webhooks/webhooks.py", "forget_deliveries"): {"delivery_done"},
    ("sellers/signed_offers.py", "_due"): {"listing_shelf_version", "challengecount_by_minute"},
}  # fmt: skip

BY_HAND = "an operator's or a seller's single act"
IN_CATALOG = "looked at in tests/marketplace/catalog/test_plans.py, on a catalog of its own"
START = "once, when a process or a demo starts"
# Whoever is not asked here, or may read a table from end to end, and why.
NOT_HOT: dict[Asker, str] = {
    ("marketplace/doctor/database.py", "_listens"): BY_HAND,
    ("marketplace/doctor/database.py", "_role"): BY_HAND,
    ("marketplace/doctor/database.py", "_server"): BY_HAND,
    ("marketplace/doctor/networks.py", "read_gas_books"): BY_HAND,
    ("marketplace/doctor/programs.py", "_beat"): BY_HAND,
    ("marketplace/doctor/programs.py", "_settler"): BY_HAND,
    ("marketplace/management/commands/migrate.py", "_keep_trying"): BY_HAND,
    ("marketplace/management/commands/migrate.py", "wait_shortly"): BY_HAND,
    ("marketplace/embedded/postgres.py", "create_database"): START,
    ("marketplace/embedded/preparation.py", "keep_admin"): START,
    ("marketplace/embedded/seed.py", "keep_owners"): START,
    ("marketplace/embedded/seed.py", "seed"): START,
    ("marketplace/embedded/readiness.py", "database_clock"): START,
    ("marketplace/embedded/readiness.py", "has_sold"): START,
    ("marketplace/embedded/readiness.py", "has_tables"): START,
    ("marketplace/embedded/readiness.py", "is_settling"): START,
    ("marketplace/management/commands/backfill.py", "_chosen"): BY_HAND,
    ("marketplace/management/backfills.py", "_search"): BY_HAND,
    ("marketplace/management/commands/listing.py", "_look"): BY_HAND,
    ("payments/earnings.py", "_sold_after"): BY_HAND,
    ("payments/earnings.py", "begin"): START,
    ("payments/outbox.py", "_one"): "carries the statements of read_steps and _page",
    ("payments/earnings.py", "count_anew"): BY_HAND,
    ("payments/settling/engine.py", "beat"): "one row by its name",
    ("payments/database/partitions.py", "_patiently"): "makes and drops tables",
    ("payments/database/partitions.py", "_drop_expired"): "the catalog, and what has no partition",
    ("payments/database/pool.py", "_insist_on_durability"): START,
    ("payments/database/pool.py", "_prepare"): START,
    ("payments/database/old_rows.py", "drop_rows"): "carries others' statements",
    ("payments/database/pool.py", "one"): "carries others' statements",
    ("payments/database/pool.py", "rows"): "carries others' statements",
    ("payments/auditing/audits.py", "tokens_of"): "the sums of each day, once an hour",
    ("payments/auditing/reconcile.py", "_books"): "an audit reads every payment, once a day",
    ("payments/auditing/reconcile.py", "_first_block"): "the same",
    ("payments/relaying/relayer.py", "bury"): "once for each use of a stolen key",
    ("payments/relaying/seats.py", "_insist_one_may_sign"): "a network's keys, all penniless",
    (
        "payments/reports/one_payment.py",
        "_latest_receipts",
    ): "asked by payment_report and latest_receipt",
    ("payments/database/retention.py", "_in_batches"): "once an hour, a bounded number of old rows",
    ("marketplace/embedded/readiness.py", "has_lost_payments"): START,
    ("payments/exposure/risk.py", "forgive"): "once a minute, a bounded number of losses",
    ("payments/reports/earnings.py", "_of"): "asked by overview, by_time and by_listing",
    ("payments/reports/spend.py", "_added_up"): "as many of one buyer's payments as are added up",
    ("payments/limits/owners.py", "read_rules"): "one row, by its key, and seldom",
    ("payments/limits/owners.py", "used_of"): "eight counters, by their keys, and seldom",
    **{
        (f"{file}.py", name): BY_HAND
        for file, names in {
            "payments/limits/setting": "_asked limits_of names_of set_limits hold_from_now"
            " members_of room_in",
            "payments/limits/groups": "groups_of teams_of open_group forget_owner _leave _held",
            "payments/limits/sums": "read_used used_by",
            "marketplace/buyers/limit_forms": "_known _paths",
        }.items()
        for name in names.split()
    },
    ("payments/limits/alerts.py", "note_full"): "one row, when a call is refused",
    ("payments/limits/alerts.py", "_asked"): "carries the statements of look",
    ("payments/limits/alerts.py", "lately"): "an owner's alerts of a day",
    ("payments/limits/alerts.py", "mail_from"): "one row, by its key",
    ("payments/limits/alerts.py", "set_mail_from"): BY_HAND,
    **{
        ("payments/limits/alerts.py", name): "the few sums that came near a limit"
        for name in ("_note", "_terms", "_told", "take_untold", "mark_told")
    },
    ("payments/limits/words.py", "named"): "the few sums that came near a limit",
    ("marketplace/alerts.py", "_by_owner"): "the few sums that came near a limit",
    ("sellers/webhooks/outbox.py", "tell_buyer"): "one buyer's addresses",
    ("marketplace/accounts/letters.py", "write"): "one row",
    ("marketplace/buyers/goods.py", "things"): "the listings that one buyer paid",
    ("payments/facilitators/submissions.py", "_insert"): "one row, by its payment's key",
    ("payments/wallets/linking.py", "burn"): "the same statement as siwx._burn",
    ("payments/live/wakeups.py", "_ring"): "reads no table",
    ("payments/live/wakeups.py", "_ring_now"): "reads no table",
    ("payments/live/wakeups.py", "_rings"): "reads no table",
    **{
        (f"sellers/{file}.py", name): BY_HAND
        for file, names in {
            "drafting/finishing": ("became", "withdraws"),
            "reviews/submitting": ("submit_checked", "submit_proposed"),
            "upstream_secrets": (
                "_carry",
                "_is_known",
                "_lay_beside",
                "bring_in",
                "drop_waiting",
                "kept",
                "take_along",
                "to_come",
            ),
            "upstreams/looks": ("_looked", "_tell", "ask", "run"),
            "pages/life": ("_shown",),
            "pages/own": ("own_listing",),
            "pages/payouts": ("_paid",),
            "payouts/payouts": ("_kept",),
            "drafting/steps": ("_words",),
            "drafting/worksheets": (
                "edit",
                "fill_in",
                "held",
                "start",
                "start_all",
            ),
        }.items()
        for name in names
    },
    **{
        ("sellers/jobs/jobs.py", name): "the few looks and documents that somebody waits for"
        for name in ("due", "take")
    },
    **{
        ("sellers/drafting/fetches.py", name): "the few documents of one seller"
        for name in ("_let_go_of_older", "_refuse_many", "ask", "hand_in", "of", "run")
    },
    ("sellers/drafting/fetches.py", "forget"): "documents of yesterday, once a night",
    **{
        ("marketplace/accounts/mail.py", name): "a person's own rows, by a key"
        for name in ("ask_to_confirm", "confirm", "holder_of", "with_confirmed_mail")
    },
    ("sellers/drafting/worksheets.py", "forget_untouched"): "unfinished drafts, once a night",
    ("sellers/profile/directory.py", "find"): BY_HAND,
    ("sellers/earnings/earnings_filters.py", "offerings"): "one seller's listings",
    ("sellers/pages/earnings.py", "_networks_of"): "one seller's prices",
    ("sellers/earnings/statements.py", "_paid_to"): "one seller's prices",
    ("sellers/profile/directory.py", "give_to"): START,
    ("sellers/profile/directory.py", "open_seller"): BY_HAND,
    ("sellers/profile/directory.py", "open_seller_for"): BY_HAND,
    ("sellers/profile/directory.py", "seller_of"): "one row, by its owner",
    ("sellers/on_sale/open_offers.py", "close"): BY_HAND,
    ("sellers/on_sale/listing_states.py", "hold"): BY_HAND,
    ("sellers/on_sale/open_offers.py", "open_prices"): BY_HAND,
    ("sellers/on_sale/shelving.py", "_raised_version"): BY_HAND,
    ("sellers/upstream_secrets.py", "keep"): BY_HAND,
    ("sellers/on_sale/shelving.py", "retell"): BY_HAND,
    ("sellers/payout_ends.py", "revoke"): BY_HAND,
    ("sellers/profile/profiles.py", "write"): BY_HAND,
    ("sellers/on_sale/revisions.py", "write_revision"): BY_HAND,
    ("sellers/api/money.py", "_paying"): BY_HAND,
    ("sellers/api/money.py", "earnings"): BY_HAND,
    ("sellers/api/documents.py", "listings_of"): BY_HAND,
    ("sellers/api/health.py", "health"): BY_HAND,
    ("sellers/health/health.py", "choose_way"): BY_HAND,
    ("sellers/health/health.py", "enroll"): "every listing, to find the few that are new",
    ("sellers/health/health.py", "health_of"): BY_HAND,
    ("sellers/pages/health.py", "show"): BY_HAND,
    ("sellers/domains/claims.py", "name_domain"): BY_HAND,
    ("sellers/domains/claims.py", "give_up"): BY_HAND,
    ("sellers/domains/claims.py", "ask"): BY_HAND,
    ("sellers/domains/claims.py", "domain_of"): "one row, by its key",
    ("sellers/domains/proven.py", "proven_domain"): "one row, by its key",
    ("sellers/domains/looks.py", "_claim_one"): "one row, by its key",
    ("sellers/domains/findings.py", "record"): "the few who name one domain, by its index",
    ("sellers/domains/findings.py", "_hold_listings"): "two sellers' listings, once a proof",
    ("sellers/upstreams/probing.py", "_prepared"): "one row, by its key",
    ("sellers/jobs/due_rows.py", "take"): "twenty of some hundred listings: few pages either way",
    ("sellers/programs/keys.py", "forget_keys"): "a seller has a few, once a night",
    ("sellers/programs/keys.py", "issue"): BY_HAND,
    ("sellers/programs/keys.py", "keys_of"): BY_HAND,
    ("sellers/programs/keys.py", "revoke"): BY_HAND,
    ("marketplace/calls/meant.py", "_terms_of"): "one revision, by its key",
    ("marketplace/catalog/built.py", "_keep"): "one of a few documents, by its path",
    ("marketplace/catalog/built.py", "build"): "the worker's; a count where more is sold than fits",
    ("marketplace/catalog/built.py", "find"): "one of a few documents, by its path",
    ("marketplace/catalog/format_views.py", "_who"): "one seller, by their name",
    ("marketplace/catalog/pages.py", "_wallets"): "one seller's wallets",
    ("marketplace/catalog/search.py", "bounded"): IN_CATALOG,
    ("marketplace/catalog/search.py", "count"): IN_CATALOG,
    ("sellers/on_sale/entries.py", "_ahead_of"): "one row",
    ("sellers/on_sale/entries.py", "changes"): IN_CATALOG,
    ("sellers/on_sale/entries.py", "enter"): BY_HAND,
    ("sellers/on_sale/entries.py", "forget_changes"): "a bounded number of old rows, once a night",
    ("sellers/on_sale/entries.py", "newest_changes"): IN_CATALOG,
    ("sellers/on_sale/entries.py", "oldest_kept"): IN_CATALOG,
    ("sellers/on_sale/entries.py", "rename"): BY_HAND,
    ("sellers/on_sale/entries.py", "tell"): BY_HAND,
    **{
        ("sellers/market/figures.py", name): "the worker's, one seller at a time"
        for name in ("_due", "_kept", "_make", "_tell", "_verified", "enrol")
    },
    **{
        ("payments/reports/trade.py", name): "the worker's, one seller or listing at a time"
        for name in ("bought", "lately", "served")
    },
    **{
        ("payments/reports/turnover.py", name): "the worker's, one seller or listing at a time"
        for name in ("moved", "newest")
    },
    ("sellers/market/trade.py", "keep"): "the worker's, one row by its key",
    ("marketplace/accounts/linking.py", "wallets_of"): "a person's own rows, by a key",
    ("marketplace/accounts/familiar.py", "mark_of"): "a person's own row, by a key",
    ("sellers/payouts/own_wallets.py", "own_wallets"): "one seller's wallets and prices",
    ("sellers/market/goods.py", "_versions"): "two tables of one row",
    ("sellers/pages/profile.py", "profile_context"): BY_HAND,
    (
        "sellers/market/goods.py",
        "on_sale",
    ): "the listings of a page of payments, by their unique path",
    ("sellers/market/goods.py", "read"): IN_CATALOG,
    ("sellers/market/history.py", "identity"): "one seller, and their few wallets",
    ("sellers/market/history.py", "sold"): "one listing's few revisions, by their index",
    ("sellers/profile/logos.py", "find"): "one picture, by its key",
    ("sellers/webhooks/outbox.py", "announce"): BY_HAND,
    ("sellers/webhooks/outbox.py", "feed"): "it asks in tell",
    ("sellers/programs/repeats.py", "_again"): BY_HAND,
    ("sellers/programs/repeats.py", "once"): BY_HAND,
    ("sellers/pages/addresses.py", "_context"): BY_HAND,
    ("sellers/webhooks/webhooks.py", "_give_up_waiting"): BY_HAND,
    ("sellers/webhooks/webhooks.py", "deliveries_of"): BY_HAND,
    ("sellers/webhooks/webhooks.py", "disable"): BY_HAND,
    ("sellers/webhooks/webhooks.py", "enable"): BY_HAND,
    ("sellers/webhooks/webhooks.py", "open_webhook"): BY_HAND,
    ("sellers/webhooks/webhooks.py", "remove"): BY_HAND,
    ("sellers/webhooks/webhooks.py", "resend"): BY_HAND,
    ("sellers/webhooks/webhooks.py", "rotate_secret"): BY_HAND,
    ("sellers/webhooks/webhooks.py", "webhooks_of"): BY_HAND,
    ("sellers/notices.py", "notify"): "one row, when an address is given up",
    ("sellers/notices.py", "take_back"): "a seller's own, when a moderator thinks again",
    ("sellers/signed_offers.py", "_due"): "the worker's, for every listing that is asked for",
    ("sellers/signed_offers.py", "_sold"): "asked by _due and forget_unsold",
    ("sellers/signed_offers.py", "forget_unsold"): "every signature that is kept, once an hour",
    ("sellers/signed_offers.py", "last_signed"): BY_HAND,
}

NOT_HOT |= (
    {
        (f"sellers/{file}.py", name): "one seller's few drafts and their test calls"
        for file, names in {
            "previews": "open_preview _written discard prices_of calls_of _calls _refuse_suspended"
            " _refuse_many",
            "on_sale/preview_ends": "alive close",
            "drafting/worksheets": "kept_secrets",
        }.items()
        for name in names.split()
    }
    | {
        (
            "sellers/on_sale/preview_ends.py",
            "forget_previews",
        ): "a bounded number of old rows, once an hour",
        ("marketplace/calls/previews.py", "_preview"): "one row, by the hash of its address",
        (
            "sellers/profile/look_alikes.py",
            "look_alike",
        ): "the best titles, when a checklist is gone through",
        (
            "sellers/grading/verification.py",
            "enroll",
        ): "every listing, to find the few that are new",
        ("sellers/news/floors.py", "_sold"): "every open price, to find the few that are refused",
    }
    | {
        (f"sellers/{file}.py", name): "one listing's row, by its key"
        for file, names in {
            "grading/verification": "record keep _verify claim_one",
            "grading/verified": "validate report last_verified",
        }.items()
        for name in names.split()
    }
)

NOT_HOT |= {
    (f"{file}.py", name): "one dispute's few rows, or a page of them"
    for file, names in {
        "payments/disputes/clock": "_look_later _search",
        "payments/disputes/outbox": "_row take_unmailed",
        "payments/disputes/cases": "latest_of _asked_before _opened _refuse_what_cannot_be _stepped"
        " _write_step erase_words open_dispute open_unanswered _was_restored_meanwhile",
        "payments/ledger": "_write_refund",
        "payments/refunds/refunded": "refunded_atomic",
        "payments/refunds/views": "_payment",
        "marketplace/accounts/dispute_letters": "_sides",
        "payments/refunds/naming": "keep keep_found",
        "payments/refunds/booking": "_changed _confirm _is_payment _left_of _look_again _reopen"
        " _tell_case _uproot",
        "payments/reports/case_lists": "lately_of of_everybody of_payers of_seller"
        " waiting_for_admins",
        "payments/reports/cases": "find_case told_of",
        "payments/reports/finding": "_named",
        "payments/reports/timeline": "_booked",
        "sellers/news/disputes": "_send _tell",
        "sellers/webhooks/outbox": "asking_for",
        "sellers/payouts/payouts": "wallets_of",
        "marketplace/moderation/disputes": "_is_party _shown index",
    }.items()
    for name in names.split()
}
# What moderators read and say, one listing at a time; the worker carries out the few that wait.
REVIEWS = {
    "marketplace/moderation/evidence.py": "_standing",
    "marketplace/moderation/reports.py": "close",
    "marketplace/moderation/views.py": "_stopped judgeable queue",
    "sellers/reviews/automatic.py": "_of_seller _wallets_sold_into consider",
    "sellers/reviews/holds.py": "let_go of take take_next waiting",
    "sellers/profile/look_alikes.py": "_domains _others",
    "sellers/reviews/proposals.py": "keep of_proposal",
    "sellers/reviews/records.py": "_others_paid record wallets",
    "sellers/reviews/reports.py": "close file forget reportable waiting",
    "sellers/reviews/times.py": "usual_wait",
    "sellers/reviews/two_people.py": "yeses",
    "sellers/moderators.py": "judges",
    "sellers/reviews/verdicts.py": "_wait approve carry_out carry_out_due lately suspend undo",
}
NOT_HOT |= {
    (file, name): "a moderator's single act, or somebody's report"
    for file, names in REVIEWS.items()
    for name in names.split()
}

# Whoever signs in reads a few rows of their own, by a key.
SIGNING_IN = {
    "entrance": "waiting",
    "forms": "free_name known_spelling",
    "letters": "ask_for_reset _take_due",
    "linking": "is_known owner_of link unlink set_pays_only ways_in _held _open_account _is_same",
    "reset_views": "_comer",
    "second_factor": "is_enrolled enrol _fresh_codes codes_left remove present_code"
    " _use_step _use_recovery",
    "sessions": "end_all _rows",
    "views": "sign_up _home_page",
}
TAKEN_ALONG = {
    "marketplace/accounts/erasure": "asked_of ask take_back _take_due _shut _forget_person",
    "marketplace/accounts/own_data": "_account _letters",
    "marketplace/management/commands/export": "_seller",
    "payments/erasing": "is_moving open_disputes _erase_bodies",
    "payments/limits/setting": "forget_names",
    "payments/own_data": "receipts_of _limits groups_kept_of",
    "payments/reports/whole_site": "_page",
    "payments/rates": "take forget add",
    "sellers/agreements": "agree agreement_of",
    "sellers/erasing": "erase_seller",
    "sellers/upstream_secrets": "forget",
    "sellers/notices": "forget_all",
    "sellers/own_data": "sold_by notices_of_buyer",
}
EACH_JUDGE = "every ten minutes, for each who judges or runs the site"
OPERATORS_PAGE = "the operator's page and Prometheus, a few times a minute"
NOT_HOT |= (
    {
        (
            "payments/database/index_builds.py",
            "database_forwards",
        ): "by `migrate`, once for an index",
        ("payments/auditing/audits.py", "note"): "one row by its key, once an hour",
        ("payments/auditing/audits.py", "_alone"): "a lock, once an hour",
        ("payments/settling/stuck.py", "stuck"): BY_HAND,
        ("payments/settling/stuck.py", "try_now"): BY_HAND,
        ("marketplace/management/manners.py", "_is_mine"): BY_HAND,
        ("marketplace/management/manners.py", "alone"): BY_HAND,
        ("marketplace/management/commands/changepassword.py", "handle"): BY_HAND,
        ("marketplace/management/commands/createsuperuser.py", "_admins"): BY_HAND,
        ("marketplace/management/rotation.py", "_rows"): BY_HAND,
        ("marketplace/management/rotation.py", "_turn"): BY_HAND,
        ("marketplace/management/commands/probe.py", "_chosen"): BY_HAND,
        ("payments/reports/audit.py", "read"): "a page of the log, by its key",
        ("marketplace/doctor/audit_page.py", "_actor"): BY_HAND,
        ("marketplace/doctor/audit_page.py", "_subject"): BY_HAND,
        (
            "marketplace/doctor/audit_page.py",
            "_names",
        ): "those who stand on one page, by their keys",
        ("payments/audit_log.py", "_append"): "one row, for an act of somebody's",
        ("payments/audit_log.py", "_held"): "the one row of the log's end",
        ("payments/audit_log.py", "head"): "the one row of the log's end",
        ("payments/audit_log.py", "entries"): BY_HAND,
        ("payments/audit_log.py", "verify"): BY_HAND,
        ("payments/audit_log.py", "verify_end"): OPERATORS_PAGE,
        ("payments/auditing/audits.py", "_since"): "once an hour",
        ("payments/auditing/unknown_transfers.py", "ours_of"): "once an hour, and by hand",
        ("payments/auditing/unknown_transfers.py", "without_rows"): "after a restore",
        ("payments/relaying/gaps.py", "_gaps"): "once an hour, and by hand",
        ("payments/restored.py", "look_at"): BY_HAND,
        ("payments/restored.py", "adopt"): BY_HAND,
        ("payments/restored.py", "keep_lost"): BY_HAND,
        ("payments/restored.py", "is_held"): BY_HAND,
        ("payments/restored.py", "wallets_paid"): BY_HAND,
        ("payments/restored.py", "reopen"): BY_HAND,
        ("payments/auditing/remedies.py", "look_again"): BY_HAND,
        ("marketplace/backups/archive.py", "_refuse_unless_empty"): BY_HAND,
        ("marketplace/backups/archive.py", "_migrations"): BY_HAND,
        ("marketplace/backups/archive.py", "back_up"): BY_HAND,
        ("marketplace/management/commands/relayer.py", "_show"): BY_HAND,
        ("marketplace/management/commands/relayer.py", "_adopt"): BY_HAND,
        ("marketplace/management/commands/restore.py", "_bring_up_to_date"): BY_HAND,
        ("payments/reports/workings.py", "_asked"): OPERATORS_PAGE,
        ("payments/reports/workings.py", "fuel"): OPERATORS_PAGE,
        ("payments/reports/workings.py", "burnt_in_vain"): OPERATORS_PAGE,
        ("payments/reports/workings.py", "wei_per_day"): OPERATORS_PAGE,
        ("payments/reports/workings.py", "reconciliations"): OPERATORS_PAGE,
        ("marketplace/doctor/money.py", "_never_compared"): OPERATORS_PAGE,
        ("marketplace/doctor/money.py", "gas_spent"): OPERATORS_PAGE,
        ("marketplace/doctor/workings.py", "backup"): OPERATORS_PAGE,
        ("marketplace/doctor/workings.py", "endpoints"): OPERATORS_PAGE,
        ("marketplace/doctor/workings.py", "decisions"): OPERATORS_PAGE,
        ("marketplace/doctor/workings.py", "size"): OPERATORS_PAGE,
        ("marketplace/doctor/metrics.py", "_chains"): OPERATORS_PAGE,
        ("marketplace/doctor/metrics.py", "_others"): OPERATORS_PAGE,
        ("marketplace/doctor/metrics.py", "_installed_seconds"): OPERATORS_PAGE,
        ("sellers/webhooks/webhooks.py", "waiting_messages"): OPERATORS_PAGE,
    }
    | {
        (f"{file}.py", name): EACH_JUDGE
        for file, names in {
            "marketplace/duties": "_run",
            "marketplace/accounts/duty_wishes": "wants set_wanted enrol take",
            "payments/reports/case_lists": "waiting_for_admin",
            "sellers/reviews/holds": "owned_by waiting_for",
        }.items()
        for name in names.split()
    }
    | {
        (f"marketplace/accounts/{file}.py", name): "a person's own rows, by a key"
        for file, names in SIGNING_IN.items()
        for name in names.split()
    }
    | {
        (f"{file}.py", name): "one account's own rows, when it is handed out, bound or erased"
        for file, names in TAKEN_ALONG.items()
        for name in names.split()
    }
    | {
        ("marketplace/management/commands/account.py", name): BY_HAND
        for name in ("_person", "_moderate")
    }
)


@pytest.fixture(scope="module")
def own_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server without company: an open transaction of any other test, in whatever database,
    would keep what each statement replaced alive, and the next would have to look at it."""
    folder = tmp_path_factory.mktemp("plans")
    server = Postgres(folder / "postgres", durable=False, say=lambda _: None)
    process = server.start(folder / "postgres.log")
    try:
        server.create_database("souk")
        yield server.url("souk")
    finally:
        server.stop(process)


@pytest.fixture(scope="module")
def plans(own_server: str, django_db_blocker: Any) -> Iterator[Plans]:
    """The plans of a day's statements on twenty thousand payments."""
    url = own_server
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
        buying_day.bought()
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
        patch.object(old_rows, "ROWS_AT_ONCE", day.FEW),
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
    for node in module.nodes:
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


def test_rows_that_change_together_are_locked_once(plans: Plans) -> None:
    """Joined with what changes them, all could be locked anew for each: the square of a block."""
    assert any("held as materialized" in plan.statement for plan in plans.seen)
    joined = [
        f"{plan.asker} by {plan.statement[:200]}"
        for plan in plans.seen
        if plan.locks_in_a_join and plan.asker != ADDRESS_BY_ADDRESS
    ]
    assert joined == [], "\n".join(joined)


@pytest.mark.usefixtures("planner")
def test_what_is_not_due_yet_is_not_looked_at(plans: Plans) -> None:
    """The clock itself as a bound is no use to an index: each look would read all that is open."""
    bounds = [
        node["Index Cond"]
        for plan in plans.of(("payments/settling/desk.py", "_take"))
        for node in plan.nodes()
        if node.get("Index Name") in {"progress_due", "progress_to_send"}
    ]
    assert bounds
    assert all("next_check_at <=" in bound for bound in bounds), bounds


def test_a_table_without_its_index_is_noticed(plans: Plans) -> None:
    """The bounds could not fail otherwise."""
    whole = plans.of(("tests", "without an index"))
    assert whole
    assert whole[0].read_whole == ["payments_payment"]
    assert whole[0].buffers > BUFFERS_MAX
