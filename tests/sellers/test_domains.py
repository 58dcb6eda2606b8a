"""A domain is a seller's by a file at it: proven, looked at again, lost, and taken over."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from django.utils import timezone
from yarl import URL

from payments.egress import open_client, parse_allowance
from payments.models import AuditEntry
from sellers.domains import claims, files, findings, looks
from sellers.domains.files import File, Trouble
from sellers.erasing import erase_seller
from sellers.models import Domain, Notice, Seller, ShelfVersion
from sellers.own_data import sold_by
from sellers.refusals import ListingRefused, TooOften
from tests.fixtures.domains import NAME, Domains, path_of
from tests.fixtures.hooks import Hooks
from tests.fixtures.storefront import Storefront
from tests.fixtures.upstream import (
    Behaviour,
    ScriptedUpstream,
    answer,
    cut,
    hang_up,
    oversized,
    raw,
    redirect,
)
from tests.marketplace.calls.test_forwarding import _self_signed

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def rival(make_seller: Callable[[str], Seller]) -> Seller:
    return make_seller("rival")


def told() -> list[tuple[str, bool]]:
    """The subjects of all notices, and whether a letter says it as well."""
    said = Notice.objects.order_by("id").values_list("subject", "mail_at")
    return [(subject, at is not None) for subject, at in said]


def acts() -> list[str]:
    found = AuditEntry.objects.filter(act__startswith="domain.").order_by("pk")
    return list(found.values_list("act", flat=True))


def shelf_version() -> int:
    return sum(ShelfVersion.objects.values_list("version", flat=True))


def pass_days(seller: Seller, days: float) -> None:
    """What began to fail began so long ago."""
    row = Domain.objects.get(pk=seller.pk)
    assert row.failing_since is not None
    Domain.objects.filter(pk=seller.pk).update(
        failing_since=row.failing_since - timedelta(days=days)
    )


def test_a_line_in_a_file_proves_a_domain(domains: Domains, seller: Seller) -> None:
    row = domains.name(seller)
    assert (row.verified_at, row.next_look_at, row.is_looked_at) == (None, None, False)
    assert row.line.startswith("souk-seller=acme/")
    domains.serve(row.line)
    before, version, since = timezone.now(), shelf_version(), len(acts())
    row = domains.look(seller)
    assert row.verified_at is not None
    assert row.verified_at >= before
    assert (row.trouble, row.failures, row.is_looked_at) == ("", 0, False)
    assert row.next_look_at is not None
    assert timedelta(days=5) < row.next_look_at - before < timedelta(days=9)
    assert shelf_version() > version  # whoever has read of the seller reads anew
    assert acts()[since:] == ["domain.verified"]
    assert told() == []
    (call,) = domains.server.calls
    assert (call.method, call.path) == ("GET", path_of(NAME))
    assert looks.run_due(domains.site) == 0, "it is not due"


@pytest.mark.parametrize(
    "text",
    [
        "{line}",
        "\ufeff{line}\r\n",
        "\n\n  {line}  \n",
        "# us\nsouk-seller=elsewhere/abc\n{line}\n",
    ],
)
def test_an_editor_or_another_market_may_have_been_at_the_file(
    domains: Domains, seller: Seller, text: str
) -> None:
    row = domains.name(seller)
    domains.server.on(path_of(NAME), answer(text.format(line=row.line).encode()))
    assert domains.look(seller).verified_at is not None


@pytest.mark.parametrize(
    ("behaviour", "said", "fix"),
    [
        (answer(b"", status=404), "status 404", "Put the file there"),
        (answer(b"", status=403), "status 403", "everybody read"),
        (answer(b"", status=503), "status 503", "failed by itself"),
        (answer(b"", status=204), "status 204", "status 200"),
        (redirect("https://www.acme.example/x"), "redirects to https://www.acme.example/x",
         "not followed"),
        (answer(b""), "is empty", "exactly the line"),
        (answer(b"hello there"), "begins with “hello there”", "exactly the line"),
        (answer(b"souk-seller=acme/another"), "holds another line: souk-seller=acme/another",
         "exactly the line"),
        (answer(b"<!doctype html><p>Home", content_type="text/html; charset=utf-8"),
         "answered with a web page", "exactly the line"),
        (answer(b"\xff\xfe\x00"), "begins with", "exactly the line"),
        (oversized(1 << 20), "too large", "one line"),
        (oversized(1 << 20, declared=False), "too large", "one line"),
        (cut(), "ended early", "log"),
        (hang_up(), "ended early", "log"),
        (raw(b"SSH-2.0-OpenSSH\r\n\r\n"), "no HTTP", "port 443"),
    ],
)  # fmt: skip
def test_each_failure_is_said_with_its_fix(
    domains: Domains, seller: Seller, behaviour: Behaviour, said: str, fix: str
) -> None:
    domains.name(seller)
    domains.server.on(path_of(NAME), behaviour)
    row = domains.look(seller)
    assert row.verified_at is None
    assert said in row.trouble
    assert fix in row.fix
    assert row.next_look_at is not None, "it is looked at again by itself"
    assert len(domains.server.calls) == 1, "and no redirect was followed"
    assert told() == [], "whoever asked sees it"


def test_a_line_that_only_holds_the_right_one_proves_nothing(
    domains: Domains, seller: Seller
) -> None:
    row = domains.name(seller)
    for line in (f"{row.line}x", f"x {row.line}", row.line[:-1], row.line.upper(), row.token):
        domains.serve(line)
        assert domains.look(seller).verified_at is None, line


def found_at(name: str, domains: Domains) -> File | Trouble:
    async def ask() -> File | Trouble:
        async with open_client(domains.site.egress) as client:
            return await files.fetched(client, name, domains.site)

    return asyncio.run(ask())


@pytest.mark.parametrize(
    ("leads_to", "said"),
    [
        ("127.0.0.1", "cannot be called from here"),
        ("10.0.0.7", "cannot be called from here"),
        ("169.254.169.254", "cannot be called from here"),
        ("", "was not found in DNS"),
    ],
)
def test_where_a_name_leads_nowhere_that_may_be_called_nothing_is(
    hooks: Hooks, seller: Seller, monkeypatch: pytest.MonkeyPatch, leads_to: str, said: str
) -> None:
    def look_up(host: str, *args: Any, **named: Any) -> Any:
        if host != NAME:
            return really(host, *args, **named)
        if not leads_to:
            raise socket.gaierror(socket.EAI_NONAME, "no such name")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (leads_to, 0))]

    really = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    found = found_at(NAME, Domains(hooks.site, hooks.receiver))
    assert isinstance(found, Trouble)
    assert said in found.said
    assert leads_to not in found.said or not leads_to, "nor is told where a name leads"
    assert hooks.receiver.calls == []


def test_a_certificate_of_another_is_not_accepted(
    hooks: Hooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ScriptedUpstream(tls=_self_signed(tmp_path))
    assert isinstance(server.tls, ssl.SSLContext)
    server.start()
    try:
        allowed = (parse_allowance(f"127.0.0.0/8:{server.port}"),)
        site = replace(hooks.site, egress=replace(hooks.site.egress, allow=allowed))
        monkeypatch.setattr(
            files, "address_of", lambda _: URL(f"https://127.0.0.1:{server.port}/x")
        )
        found = found_at(NAME, Domains(site, server))
    finally:
        server.stop()
    assert isinstance(found, Trouble)
    assert "certificate" in found.said
    assert server.calls == []


def test_nobody_at_home_is_said(domains: Domains) -> None:
    domains.server.stop()
    found = found_at(NAME, domains)
    assert isinstance(found, Trouble)
    assert "no connection" in found.said


def test_it_is_lost_after_days_of_failures_and_not_before(domains: Domains, seller: Seller) -> None:
    since = domains.proven(seller).verified_at
    domains.serve()
    row = domains.look(seller, is_asked=False)
    assert (row.verified_at, row.failures) == (since, 1)
    assert row.next_look_at is not None
    assert timedelta(hours=18) < row.next_look_at - timezone.now() < timedelta(hours=30)
    assert told() == [(f"{NAME} could not be found to be yours", False)]
    for _ in range(4):  # an impatient seller presses the button
        assert domains.look(seller).verified_at == since
    assert len(told()) == 1
    pass_days(seller, 2.9)
    assert domains.look(seller, is_asked=False).verified_at == since
    pass_days(seller, 0.2)
    version, logged = shelf_version(), len(acts())
    row = domains.look(seller, is_asked=False)
    assert (row.verified_at, row.next_look_at) == (None, None)
    assert shelf_version() > version
    assert told()[1:] == [(f"{NAME} is not shown beside your name any more", True)]
    assert acts()[logged:] == ["domain.lost"]
    domains.serve(row.line)
    assert domains.look(seller).verified_at is not None, "the same line proves it again"


def test_days_with_one_failure_alone_cost_nothing(domains: Domains, seller: Seller) -> None:
    domains.proven(seller)
    domains.serve()
    domains.look(seller, is_asked=False)
    pass_days(seller, 10)
    row = domains.look(seller, is_asked=False)
    assert (row.verified_at is not None, row.failures) == (True, 2)
    domains.serve(row.line)
    row = domains.look(seller, is_asked=False)
    assert (row.failures, row.failing_since, row.trouble, row.fix) == (0, None, "", "")


def test_what_was_never_proven_is_left_alone_after_days(domains: Domains, seller: Seller) -> None:
    domains.name(seller)
    domains.look(seller)
    domains.look(seller, is_asked=False)
    pass_days(seller, 3)
    row = domains.look(seller, is_asked=False)
    assert (row.failures, row.next_look_at) == (3, None)
    assert told() == []
    row = domains.look(seller)
    assert (row.failures, row.next_look_at is not None) == (1, True), "asking begins anew"


def test_who_is_named_alone_has_the_domain(domains: Domains, seller: Seller, rival: Seller) -> None:
    first = domains.proven(seller)
    second = domains.name(rival)
    row = domains.look(rival)
    assert "holds another line" in row.trouble
    domains.serve(first.line, second.line)
    row = domains.look(rival)
    assert row.verified_at is None
    assert "names the seller acme as well" in row.trouble
    assert domains.of(seller).verified_at == first.verified_at
    domains.serve(second.line)
    logged = len(acts())
    assert domains.look(rival).verified_at is not None
    lost = domains.of(seller)
    assert (lost.verified_at, lost.next_look_at) == (None, None)
    assert acts()[logged:] == ["domain.lost", "domain.verified"]
    assert told() == [(f"{NAME} is another seller's now", True)]


def test_whoever_has_it_keeps_it_beside_others(
    domains: Domains, seller: Seller, rival: Seller
) -> None:
    first, second = domains.proven(seller), domains.name(rival)
    domains.serve(second.line, first.line)
    assert domains.look(seller).verified_at == first.verified_at


def test_two_who_prove_it_at_once_do_not_both_have_it(
    domains: Domains, seller: Seller, rival: Seller, storefront: Storefront
) -> None:
    """Each look saw its own seller's line alone; the sellers sell, so listings are held, too."""
    storefront.publish("acme/weather")
    storefront.publish("rival/weather")
    rows = [domains.name(seller), domains.name(rival)]
    for _ in range(5):
        Domain.objects.update(verified_at=None, well_at=None)
        together = Barrier(2)

        def prove(row: Domain, together: Barrier = together) -> None:
            try:
                together.wait(10)
                findings.record(row.pk, row.name, File((row.line,)))
            finally:
                connections.close_all()

        with ThreadPoolExecutor(2) as threads:
            for done in [threads.submit(prove, row) for row in rows]:
                done.result()
        assert Domain.objects.filter(verified_at__isnull=False).count() == 1


def test_the_database_keeps_it_to_one(domains: Domains, seller: Seller, rival: Seller) -> None:
    domains.proven(seller)
    domains.name(rival)
    now = timezone.now()
    with pytest.raises(IntegrityError, match="domain_verified_once"), transaction.atomic():
        Domain.objects.filter(pk=rival.pk).update(verified_at=now, well_at=now)


def test_another_name_counts_nothing_of_the_first(domains: Domains, seller: Seller) -> None:
    row = domains.proven(seller)
    version, logged = shelf_version(), len(acts())
    assert domains.name(seller, "ACME.example.").verified_at == row.verified_at, "the same one"
    assert (shelf_version(), len(acts())) == (version, logged)
    other = domains.name(seller, "other.example")
    assert (other.verified_at, other.seen_at, other.line) == (None, None, row.line)
    assert shelf_version() > version
    assert acts()[logged:] == ["domain.named"]
    late = findings.record(seller.pk, NAME, File((row.line,)))  # of a look that took its time
    assert late is None
    assert domains.of(seller).verified_at is None


def test_a_look_is_taken_once_until_its_worker_must_be_gone(
    domains: Domains, seller: Seller
) -> None:
    row = domains.name(seller)
    claims.ask(seller, domains.site)
    assert looks._claim_one(row.pk) is not None
    assert not looks.run(row.pk, domains.site)
    assert looks.run_due(domains.site) == 0
    assert domains.of(seller).is_looked_at
    Domain.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    assert looks.run(row.pk, domains.site)
    assert len(domains.server.calls) == 1


def test_looks_are_counted(domains: Domains, seller: Seller) -> None:
    few = Domains(replace(domains.site, looks_hour_max=2), domains.server)
    few.name(seller)
    few.serve()
    few.look(seller)
    with pytest.raises(TooOften):
        few.look(seller)
    with pytest.raises(TooOften):
        few.name(seller, "other.example")


def test_this_market_is_nobodys_domain(domains: Domains, seller: Seller) -> None:
    egress = replace(domains.site.egress, own_names=frozenset({"market.example"}))
    with pytest.raises(ListingRefused, match="this marketplace itself"):
        claims.name_domain(
            seller, "Market.example", replace(domains.site, egress=egress), by="user:1"
        )


def test_giving_up_and_erasing_leave_nothing(domains: Domains, seller: Seller) -> None:
    domains.proven(seller)
    version = shelf_version()
    assert claims.give_up(seller, by="user:1")
    assert not claims.give_up(seller, by="user:1")
    assert shelf_version() == version + 1
    domains.proven(seller)
    erase_seller(seller)
    assert not Domain.objects.exists()
    log = json.dumps(list(AuditEntry.objects.values_list("before", "after", "why")))
    assert acts()[-1] == "domain.given_up"
    assert NAME not in log, "the log is for good"


def test_it_is_in_the_sellers_own_archive(domains: Domains, seller: Seller) -> None:
    domains.proven(seller)
    archive = {name: b"".join(parts) for name, parts in sold_by(seller) if "domain" in name}
    (kept,) = json.loads(archive["seller/domain.json"])
    assert kept["name"] == NAME
    assert kept["verified_at"]
