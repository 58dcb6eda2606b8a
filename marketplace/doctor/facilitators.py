"""The facilitators of a network: each is asked whether it settles what is sold there."""

from __future__ import annotations

from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from django.conf import settings

from marketplace.doctor.findings import Finding, fail, ok, warn
from marketplace.doctor.installation import is_loopback
from payments.facilitators.calls import Service
from payments.wiring.settling import facilitator_calls
from payments.wiring.settling import facilitators as configured
from payments.x402.schemes import SCHEMES


async def facilitators(network: str) -> AsyncIterator[Finding]:
    """One line for each; a list of which nobody can be used is a failure."""
    services: dict[str, Service] = {}
    for calls in facilitator_calls(network):
        try:
            for scheme in SCHEMES:
                services[calls.name] = await calls.supported(network, scheme)
                if not services[calls.name].serves:
                    break
        finally:
            await calls.close()
    anybody = any(service.serves for service in services.values())
    for place, (name, service) in enumerate(services.items()):
        yield _said(network, place, name, service, anybody=anybody)
    for finding in _in_the_clear(network):
        yield finding


def _said(network: str, place: int, name: str, service: Service, *, anybody: bool) -> Finding:
    words = f"facilitator {name}: {service.said}"
    where = f"CHAINS[{network}][FACILITATORS][{place}]"
    if service.serves:
        return ok(network, words)
    if service.serves is None:
        return warn(network, words, "ask again in a minute; if it stays, name another one")
    fix = f"check URL and headers in {where}, or name another one"
    if anybody:
        return warn(network, words, fix)
    return fail(network, f"{words}; payments are refused", fix)


def _in_the_clear(network: str) -> list[Finding]:
    return [
        warn(
            network,
            f"facilitator {each.name} is called without TLS: payments and its headers can be read",
            f"use https in CHAINS[{network}][FACILITATORS]",
        )
        for each in configured(network)
        if each.url.startswith("http://")
        and not is_loopback(urlsplit(each.url).hostname or "")
        and not settings.DEVELOPMENT
    ]
