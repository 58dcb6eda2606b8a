"""The demo's first sales: every listing bought for real, through the front door.

Run as `python -m marketplace.embedded.history`; what it buys is paid, settled and receipted
like anybody's.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import time
from collections.abc import Sequence

import aiohttp
import django
from yarl import URL

from marketplace.agent.purchase import NotBought, Question, ask, pay
from marketplace.agent.quotes import Quote, sign
from marketplace.agent.wallet import Wallet
from marketplace.embedded.chain import ONE_DOLLAR, fund
from marketplace.embedded.demo_accounts import demo_account
from payments.egress import open_trusted_client

BUYERS = ("first regular", "second regular")


def main() -> int:
    """Buy every listing once for every regular buyer; exit code 1 when one was not to be had."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--base-url", required=True)
    arguments.add_argument("--rpc-url", required=True)
    given = arguments.parse_args()
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    django.setup()

    from marketplace.embedded.seed import example_calls

    questions = [
        Question(
            call.method,
            URL(f"{given.base_url}/call/{call.path}{call.suffix}", encoded=True),
            call.body,
            call.content_type,
        )
        for call in example_calls()
    ]
    wallets = [Wallet.of(demo_account(role).private_key) for role in BUYERS]
    for wallet in wallets:
        fund(given.rpc_url, wallet.address, ONE_DOLLAR, 0)
    failures = asyncio.run(buy_all(given.base_url, questions, wallets))
    for failure in failures:
        sys.stderr.write(f"{failure}\n")
    return 1 if failures else 0


async def buy_all(
    base_url: str, questions: Sequence[Question], wallets: Sequence[Wallet]
) -> list[str]:
    """Make every purchase at once; returns what went wrong."""
    async with open_trusted_client(base_url) as client:
        purchases = [buy(client, each, wallet) for wallet in wallets for each in questions]
        outcomes = await asyncio.gather(*purchases)
    return [outcome for outcome in outcomes if outcome]


async def buy(client: aiohttp.ClientSession, question: Question, wallet: Wallet) -> str:
    """One purchase; says why it failed, or nothing."""
    try:
        quote = await ask(client, question)
        if not isinstance(quote, Quote) or not quote.offers:
            return f"{question.url}: no price"
        payment = sign(quote, quote.offers[0], wallet, now=int(time.time()))
        bought = await pay(client, question, payment, lambda words: None)
    except NotBought as refused:
        return f"{question.url}: {refused}"
    sys.stdout.write(f"{question.url} {bought.payment_id}\n")
    return ""


if __name__ == "__main__":
    sys.exit(main())
