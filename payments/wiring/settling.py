"""What settles a network: its desk, by our relayer or by facilitators."""

from __future__ import annotations

from functools import partial

from django.conf import settings

from payments.database.pool import Pool
from payments.egress import open_trusted_client
from payments.facilitators.calls import CallLimits, Facilitator, FacilitatorCalls
from payments.facilitators.lineup import FacilitatorList
from payments.facilitators.settling import Facilitators
from payments.live.wakeups import MONEY_MOVED, WORK_TO_SETTLE, Bell
from payments.relaying.settling import Relaying
from payments.settling.desk import Desk
from payments.settling.ways import Way
from payments.wiring.keys import keyring, receipt_signer
from payments.wiring.networks import network_terms, open_chain, settles_by_facilitator


def facilitators(network: str) -> list[Facilitator]:
    """The operator's list, in the order in which they are asked."""
    return [
        Facilitator(entry["NAME"], entry["URL"], entry["HEADERS"], entry["HEADERS_FILE"])
        for entry in settings.CHAINS[network]["FACILITATORS"]
    ]


def facilitator_calls(network: str) -> list[FacilitatorCalls]:
    """The calls to them. Only the worker and `doctor` make any."""
    limits = CallLimits(
        settle_seconds=settings.FACILITATOR_SETTLE_SECONDS,
        ask_seconds=settings.FACILITATOR_ASK_SECONDS,
        answer_bytes_max=settings.FACILITATOR_ANSWER_BYTES_MAX,
    )
    connections_max = settings.FACILITATOR_IN_FLIGHT_MAX + 1  # and one to ask what it supports
    open_client = partial(open_trusted_client, limit=connections_max)
    return [
        FacilitatorCalls(each, limits, open_client=open_client) for each in facilitators(network)
    ]


def open_way(pool: Pool, network: str) -> Way:
    """How this network is settled: by our relayer, or by the facilitators of its list."""
    if not settles_by_facilitator(network):
        return Relaying()
    members = FacilitatorList(
        network,
        facilitator_calls(network),
        poll_seconds=settings.FACILITATOR_POLL_SECONDS,
        rest_seconds=settings.FACILITATOR_REST_SECONDS,
        in_flight_max=settings.FACILITATOR_IN_FLIGHT_MAX,
    )
    return Facilitators(
        network,
        members,
        bell=Bell(pool, WORK_TO_SETTLE),
        max_timeout_seconds=settings.MAX_TIMEOUT_SECONDS,
        settle_seconds=settings.FACILITATOR_SETTLE_SECONDS,
    )


def open_desk(pool: Pool, network: str) -> Desk:
    return Desk(
        pool=pool,
        chain=open_chain(network),
        terms=network_terms(network),
        keyring=keyring(network),
        signer=receipt_signer(),
        moved=Bell(pool, MONEY_MOVED),
        way=open_way(pool, network),
    )
