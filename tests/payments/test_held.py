"""After a restore nothing is sold on any network, whoever settles it, before the operator acts."""

from __future__ import annotations

import json
from io import StringIO
from types import SimpleNamespace
from typing import Any

from asgiref.sync import sync_to_async
from django.core.management import call_command
from django.db import connection

from payments import restored
from payments.chains import Block
from payments.health import HealthBook, read_health
from payments.models import AuditEntry
from tests.fixtures.purchases import NETWORK, Purchases

HEAD = Block(3_000, bytes(32), 2**31, 1)


class WellWay:
    """As a facilitator that serves the network and is well."""

    async def trouble(self, desk: Any, head: Block) -> str:
        return ""


async def refusing(purchases: Purchases) -> str | None:
    """What a door reads after a settler's next look."""
    terms = SimpleNamespace(network=NETWORK)
    desk: Any = SimpleNamespace(pool=purchases.pool, terms=terms, way=WellWay())
    await HealthBook(desk).write(HEAD)
    health = await read_health(purchases.pool, stale_seconds=60)
    return health[NETWORK].refusing_why


def restore() -> None:
    with connection.cursor() as cursor:
        cursor.execute(restored.HOLD_SQL)


def asked(*arguments: str) -> dict[str, Any]:
    said = StringIO()
    call_command("reopen", *arguments, "--json", stdout=said)
    return dict(json.loads(said.getvalue()))


async def test_no_network_is_sold_on_until_the_operator_says_so(
    purchases: Purchases, settings: Any, database_url: str
) -> None:
    settings.DATABASE_URL = settings.DATABASE_DIRECT_URL = database_url
    assert await refusing(purchases) == ""
    await sync_to_async(restore)()
    assert await read_health(purchases.pool, stale_seconds=60) == {}, "nor what the backup says"
    assert await refusing(purchases) == restored.HELD

    payment_id = await purchases.claim()
    pay_to = (await purchases.held(payment_id)).pay_to
    told = await sync_to_async(asked)()
    assert (told["held"], told["reopened"], told["wallets_paid"]) == (True, False, {pay_to: 1})
    assert any("revoke-payout" in each for each in told["redo"])
    assert await refusing(purchases) == restored.HELD

    assert (await sync_to_async(asked)("--redone"))["reopened"]
    assert await refusing(purchases) == ""
    entry = await AuditEntry.objects.alatest("sequence")
    assert (entry.actor, entry.act) == ("command:reopen", "sales.reopened")
    again = await sync_to_async(asked)("--redone")
    assert (again["held"], again["reopened"]) == (False, False)
