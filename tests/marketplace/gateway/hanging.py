"""A door whose paid calls last until the buyer hangs up, for a server in another process to run.

It writes what it hears into the file that `HEARD` names, a word a line.
"""

import asyncio
import os
from pathlib import Path
from uuid import UUID

import django

django.setup()

from marketplace.calls.outcomes import CallOutcome, Delivered  # noqa: E402
from marketplace.calls.requests import CallRequest  # noqa: E402
from marketplace.calls.shelf import Absent, Place, Shelf  # noqa: E402
from marketplace.gateway.app import Door, DoorLimits  # noqa: E402
from payments.lookup import StoredAnswer  # noqa: E402
from payments.x402.types import Settlement  # noqa: E402

_SETTLED = Settlement(True, "0x" + "1" * 40, "0x" + "2" * 64, "eip155:84532")
_PAYMENT = UUID("01890000-0000-7000-8000-000000000001")


def hear(word: str) -> None:
    with Path(os.environ["HEARD"]).open("a") as file:
        file.write(f"{word}\n")


class _Nothing:
    async def read(self, path: str) -> tuple[int, Place]:
        return 0, Absent.UNKNOWN


async def _call(place: Place, path: str, request: CallRequest) -> CallOutcome:
    body = await request.read_body()
    hear(f"called-{path.partition('/')[2]}")
    if path.endswith("/until-gone"):
        await request.gone.wait()
        hear("gone")
        await asyncio.sleep(0)

    async def handed_over(present: bool) -> None:
        hear("delivered" if present else "lost")

    spelled = "|".join((*request.segments, *(f"{k}={v}" for k, v in request.query)))
    answer = f"{request.method} {spelled} {len(body)}".encode()
    stored = StoredAnswer(200, (), "text/plain", answer, b"", len(answer))
    return Delivered(stored, _SETTLED, _PAYMENT, handed_over)


application = Door(
    shelf=Shelf(None, _Nothing(), entries_max=1),  # type: ignore[arg-type]
    paid_call=_call,
    wait_seconds=lambda shelved: 0.0,
    quoted=lambda listing_id: None,
    limits=DoorLimits(
        calls_in_flight_max=100,
        listing_in_flight_max=100,
        header_bytes_max=32_768,
        body_bytes_max=1_000,
        body_seconds=30,
    ),
    public_base_url="https://souk.example",
)
