"""The sums as they have to be: added up from the payments' rows, one payment at a time."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import Any

from payments.database.pool import Pool, rows

PAID = {"settled", "confirmed"}


async def states(pool: Pool) -> list[dict[str, Any]]:
    """Every payment as it is now, with why nothing was charged for it."""
    found = await rows(
        pool,
        "select p.id, p.seller_id, p.listing_id, p.created_at, p.network, p.asset, p.payer,"
        " p.amount_atomic, g.work, g.money from payments_payment p"
        " join payments_progress g on g.payment_id = p.id",
    )
    steps = defaultdict(list)
    for payment_id, *step in await rows(
        pool,
        "select payment_id, work, money, coalesce(detail->>'reason', why) from payments_step"
        " order by payment_id, version",
    ):
        steps[payment_id].append(step)
    names = (
        "id",
        "seller",
        "listing",
        "at",
        "network",
        "asset",
        "payer",
        "amount",
        "work",
        "money",
    )
    return [
        state | {"cause": cause(state, steps[state["id"]])}
        for state in (dict(zip(names, row, strict=True)) for row in found)
    ]


def cause(state: Mapping[str, Any], steps: list[list[str]]) -> str:
    """The word of the step that ended the work for nothing, or else the money."""
    if state["work"] == "void":
        last_run: list[str] = []
        for work, _, word in steps:
            last_run = [*last_run, word] if work == "void" else []
        return last_run[0]
    if state["money"] == "failed":
        return next(word for _, money, word in steps if money == "failed")
    return ""


def days(found: list[dict[str, Any]]) -> dict[tuple[Any, ...], tuple[int, int]]:
    payments: Counter[tuple[Any, ...]] = Counter()
    amounts: Counter[tuple[Any, ...]] = Counter()
    for one in found:
        key = (
            one["seller"], one["at"].date(), one["listing"], one["network"], one["asset"],
            one["work"], one["money"], one["cause"],
        )  # fmt: skip
        payments[key] += 1
        amounts[key] += int(one["amount"])
    return {key: (payments[key], amounts[key]) for key in payments}


def buyers(found: list[dict[str, Any]]) -> dict[tuple[Any, ...], tuple[int, int]]:
    payments: Counter[tuple[Any, ...]] = Counter()
    amounts: Counter[tuple[Any, ...]] = Counter()
    for one in found:
        if one["money"] in PAID:
            key = (
                one["seller"], one["at"].date(), one["payer"], one["listing"], one["network"],
                one["asset"],
            )  # fmt: skip
            payments[key] += 1
            amounts[key] += int(one["amount"])
    return {key: (payments[key], amounts[key]) for key in payments}


async def kept_days(pool: Pool) -> dict[tuple[Any, ...], tuple[int, int]]:
    """What the sums say."""
    found = await rows(
        pool,
        "select seller_id, day, listing_id, network, asset, work, money, cause, payments,"
        " amount_atomic from payments_earningsday",
    )
    return {row[:8]: (row[8], int(row[9])) for row in found}


async def kept_buyers(pool: Pool) -> dict[tuple[Any, ...], tuple[int, int]]:
    found = await rows(
        pool,
        "select seller_id, day, payer, listing_id, network, asset, payments, amount_atomic"
        " from payments_buyerday",
    )
    return {row[:6]: (row[6], int(row[7])) for row in found}


async def insist_equal(pool: Pool) -> None:
    """The sums hold exactly what the rows hold."""
    found = await states(pool)
    assert await kept_days(pool) == days(found)
    assert await kept_buyers(pool) == buyers(found)
