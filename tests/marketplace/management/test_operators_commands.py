"""Commands for operators: one run at a time, a word for everything, nothing done by halves."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from io import StringIO
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command
from django.utils import timezone
from pytest_django.fixtures import Settings

from marketplace.accounts.models import SecondFactor
from marketplace.management.commands import call
from marketplace.management.manners import RUNS_ALREADY, alone, key_of
from marketplace.management.rotation import PLACES, Rotation
from payments.models import AuditEntry, Broadcast, Progress, Relayer
from sellers import listings, upstream_secrets
from sellers.drafts import finish
from sellers.models import UpstreamSecret, Webhook, Worksheet
from sellers.moderators import MODERATORS
from sellers.secrets import SecretsUnavailable, Vault
from sellers.webhooks import webhooks
from tests.fixtures.hooks import Hooks, sign_up
from tests.fixtures.purchases import Purchases
from tests.fixtures.stack import Stack
from tests.fixtures.storefront import NETWORK, Storefront, settle
from tests.fixtures.upstream import ScriptedUpstream, answer

OLD, NEW = Fernet.generate_key().decode(), Fernet.generate_key().decode()


def run(*arguments: str) -> tuple[str, int]:
    """What a command said, and its exit code."""
    out = StringIO()
    try:
        call_command(*arguments, stdout=out)
    except SystemExit as ended:
        return out.getvalue(), int(str(ended.code))
    return out.getvalue(), 0


@pytest.fixture(autouse=True)
def own_database(database_url: str, settings: Settings) -> None:
    settings.DATABASE_URL = settings.DATABASE_DIRECT_URL = database_url


@pytest.mark.django_db
def test_a_second_run_of_a_command_is_kept_away() -> None:
    with alone("reconcile"):
        with pytest.raises(CommandError, match="runs on this") as refused, alone("reconcile"):
            pytest.fail("two at once")
        assert refused.value.returncode == RUNS_ALREADY
        with alone("backfill"):
            pass  # another command is not in the way
    with alone("reconcile"):
        pass  # and the lock ends with its run


@pytest.mark.django_db(transaction=True)
class TestRehearsals:
    """What is tried out is said as if it were done, and leaves nothing behind."""

    @pytest.mark.parametrize(
        "arguments",
        [("moderator", "ada"), ("admin", "ada"), ("forget-second-factor", "ada")],
        ids=" ".join,
    )
    def test_an_account_is_as_it_was(self, arguments: tuple[str, ...]) -> None:
        ada = User.objects.create_user("ada")
        Group.objects.get_or_create(name=MODERATORS)
        said = json.loads(run("account", *arguments, "--dry-run", "--json")[0])
        assert (said["name"], said["act"], said["dry_run"]) == ("ada", arguments[0], True)
        ada.refresh_from_db()
        assert not ada.is_superuser
        assert not ada.groups.exists()
        assert not AuditEntry.objects.exists()
        assert "was a rehearsal" in run("account", *arguments, "--dry-run")[0]
        assert json.loads(run("account", *arguments, "--json")[0]) == {**said, "dry_run": False}
        assert AuditEntry.objects.count() == 1

    def test_a_listing_is_as_it_was(self, storefront: Storefront) -> None:
        listing = storefront.publish("acme/weather")
        written = AuditEntry.objects.count()
        asked = ("listing", "suspend", "acme/weather", "--reason", "spam")
        assert json.loads(run(*asked, "--dry-run", "--json")[0])["state"] == "suspended"
        listing.refresh_from_db()
        assert listing.state == "live"
        assert AuditEntry.objects.count() == written
        assert json.loads(run(*asked, "--json")[0])["state"] == "suspended"
        listing.refresh_from_db()
        assert listing.state == "suspended"

    def test_sums_are_as_they_were(self, settings: Settings) -> None:
        said = json.loads(run("backfill", "earnings", "--dry-run", "--json")[0])
        assert said == {"sellers": 0, "payments": 0, "dry_run": True}


def test_one_that_is_interrupted_says_so_and_nothing_else(
    stack: Stack, checkout: Path, settings: Settings
) -> None:
    settings.DATABASE_DIRECT_URL = stack.environment["DATABASE_URL"]
    asks = (
        "select 1 from pg_stat_activity where datname = current_database()"
        " and query like '%%advisory_lock%%' and pid <> %s"
    )
    with psycopg.connect(settings.DATABASE_DIRECT_URL, autocommit=True) as first:
        first.execute("select pg_advisory_lock(%s)", (key_of("migrate"),))
        with subprocess.Popen(
            [sys.executable, "manage.py", "migrate"],
            cwd=checkout, env=stack.environment, stderr=subprocess.PIPE, text=True,
        ) as second:  # fmt: skip
            while not first.execute(asks, (first.info.backend_pid,)).fetchone():
                assert second.poll() is None
            second.send_signal(signal.SIGINT)
            _, said = second.communicate()
    assert (second.returncode, said) == (130, "stopped\n")


class TestKeysRotate:
    """Every sealed value, with the keys a site was given."""

    @pytest.fixture
    def sealed(self, storefront: Storefront, hooks: Hooks, settings: Settings) -> uuid.UUID:
        """One secret of every kind, sealed with the old key."""
        settings.SELLER_SECRETS_KEYS = [OLD]
        site, seller = replace(hooks.site, secrets_keys=(OLD,)), sign_up("acme")
        listing = storefront.publish("acme/weather")
        upstream_secrets.keep(listing.pk, "x-key", "canary", Vault([OLD]))
        listings.propose(listing.pk, finish(storefront.draft(title="Other weather"), site))
        waits = Vault([OLD]).seal(listing.pk, "x-next", "canary").decode()
        upstream_secrets.take_over(listing.pk, {"x-next": waits})
        hook = webhooks.open_webhook(seller, f"{hooks.receiver.url}/x", ["payment.paid"], site)
        webhooks.rotate_secret(hook.webhook, site)
        token = Vault([OLD]).seal(listing.pk, "x-draft", "canary").decode()
        Worksheet.objects.create(
            seller=seller, listing_id=uuid.uuid4(), typed={}, sealed={"x-draft": token}
        )
        SecondFactor.objects.create(
            user=User.objects.create_user("ada"),
            sealed=Fernet(OLD).encrypt(b"[1]"),
            last_step=0,
            since=timezone.now(),
        )
        settings.SELLER_SECRETS_KEYS = [NEW, OLD]
        return listing.pk

    def test_every_secret_opens_with_the_new_key_alone(self, sealed: uuid.UUID) -> None:
        said, code = run("keys", "rotate", "--dry-run", "--json")
        counted = json.loads(said)["places"]
        assert [(each["new"], each["turned"]) for each in counted] == [
            (0, 1), (0, 1), (0, 1), (0, 1), (0, 1), (0, 0), (0, 1),
        ]  # fmt: skip
        assert code == 0
        with pytest.raises(SecretsUnavailable):
            self.opened(sealed)
        said, code = run("keys", "rotate")
        assert "older ones may be taken away" in said
        assert (self.opened(sealed), code) == ("canary", 0)
        for place in PLACES:
            for row in place.model._default_manager.exclude(**{f"{place.column}__isnull": True}):
                value = getattr(row, place.column)
                for token in value.values() if isinstance(value, dict) else [bytes(value)]:
                    Fernet(NEW).decrypt(token)
        entries = AuditEntry.objects.filter(act="secrets.rotated").order_by("sequence")
        assert [(each.subject, each.after) for each in entries] == [
            ("secrets:upstreamsecret.sealed", {"lost": 0, "turned": 1}),
            ("secrets:proposedsecret.sealed", {"lost": 0, "turned": 1}),
            ("secrets:webhook.sealed", {"lost": 0, "turned": 1}),
            ("secrets:webhook.sealed_before", {"lost": 0, "turned": 1}),
            ("secrets:worksheet.sealed", {"lost": 0, "turned": 1}),
            ("secrets:secondfactor.sealed", {"lost": 0, "turned": 1}),
        ]

    def test_a_rotation_that_was_stopped_goes_on(self, sealed: uuid.UUID) -> None:
        next(
            Rotation([NEW, OLD]).run(by="command:keys", dry=False)
        )  # stopped after the first place
        turned = bytes(UpstreamSecret.objects.get().sealed)
        counted = json.loads(run("keys", "rotate", "--json")[0])["places"]
        assert (counted[0]["new"], counted[0]["turned"]) == (1, 0)
        assert bytes(UpstreamSecret.objects.get().sealed) == turned
        assert json.loads(run("keys", "rotate", "--json")[0])["places"][1]["turned"] == 0

    def test_a_missing_key_is_said_and_its_values_are_left(
        self, sealed: uuid.UUID, settings: Settings
    ) -> None:
        before = bytes(Webhook.objects.get().sealed)
        settings.SELLER_SECRETS_KEYS = [NEW]
        said, code = run("keys", "rotate")
        assert "sealed with a key that is not given" in said
        assert code == 1
        assert bytes(Webhook.objects.get().sealed) == before

    @staticmethod
    def opened(listing_id: uuid.UUID) -> str:
        row = UpstreamSecret.objects.get()
        return Vault([NEW]).open(listing_id, row.name, bytes(row.sealed))


class TestSettleStuck:
    """Answers that wait for their money."""

    @pytest.fixture
    def waiting(self, make_purchase: Callable[..., Any]) -> uuid.UUID:
        async def answered(purchases: Purchases) -> uuid.UUID:
            payment_id = await purchases.claim()
            await purchases.answer(payment_id)
            return payment_id

        payment_id: uuid.UUID = make_purchase(answered)
        return payment_id

    @pytest.mark.django_db(transaction=True)
    def test_nothing_stuck_is_said_so(self) -> None:
        assert run("settle_stuck") == ("nothing is stuck\n", 0)

    def test_each_says_what_keeps_it(self, waiting: uuid.UUID) -> None:
        assert run("settle_stuck")[0] == "nothing is stuck\n", "it waits for a moment only"
        said, code = run("settle_stuck", "--waits", "0")
        assert code == 1
        assert str(waiting) in said
        assert "nobody settles this network" in said
        settle(NETWORK, refusing_why="gas costs too much")
        document = json.loads(run("settle_stuck", "--waits", "0", "--json")[0])
        (stuck,) = document["stuck"]
        assert stuck["why"] == "the network is refused: gas costs too much"
        assert document["tried"] == 0

    @pytest.mark.parametrize(
        ("balance", "said"), [(10**6, "its fee is raised"), (10**6 - 1, "short of gas money")]
    )
    def test_a_payment_whose_key_cannot_pay_says_so(
        self, waiting: uuid.UUID, balance: int, said: str
    ) -> None:
        settle(NETWORK)
        key = Relayer.objects.create(
            network=NETWORK, address="0xkey", next_nonce=8, balance_wei=balance
        )
        Broadcast.objects.create(
            relayer=key, nonce=7, variant=0, kind="single", transaction=b"t" * 32, raw=b"",
            gas_limit=1_000, max_fee_wei=1_000, priority_fee_wei=1, created_at=timezone.now(),
        )  # fmt: skip
        Progress.objects.filter(pk=waiting).update(money="broadcast", relayer=key, relayer_nonce=7)
        told = run("settle_stuck", "--waits", "0")[0]
        assert "sent as number 7, not in a block yet" in told
        assert said in told

    def test_trying_makes_it_due_and_says_what_did_not_move(self, waiting: uuid.UUID) -> None:
        later = timezone.now() + timezone.timedelta(hours=1)
        Progress.objects.filter(pk=waiting).update(next_check_at=later)
        said, code = run("settle_stuck", "--waits", "0", "--now", "--wait", "0")
        assert "0 of 1 have moved" in said
        assert code == 1
        due = Progress.objects.get(pk=waiting).next_check_at
        assert due is not None
        assert due <= timezone.now()
        assert AuditEntry.objects.latest("sequence").act == "payments.tried_again"


def test_an_endpoint_is_looked_at_step_by_step(
    storefront: Storefront, upstream: ScriptedUpstream
) -> None:
    upstream.on("/weather", answer(b'{"celsius":21}'))
    storefront.publish("acme/weather")
    said, code = run("probe", "acme/weather")
    assert code == 0
    assert "ok    acme/weather" in said
    assert "Status: GET was answered with 200" in said
    upstream.on("/tides", answer(b"{}", status=403))
    storefront.publish("acme/tides", upstream_url=f"{upstream.url}/tides")
    said, code = run("probe", "--json")
    assert [(each["path"], each["well"]) for each in json.loads(said)] == [
        ("acme/tides", False),
        ("acme/weather", True),
    ]
    assert code == 1
    with pytest.raises(CommandError, match="acme/rain"):
        run("probe", "acme/rain")


def test_a_call_is_bought_with_the_listings_own_example(
    storefront: Storefront, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[str, ...]] = []
    monkeypatch.setattr(call, "call_command", lambda *said: told.append(said))
    storefront.publish("acme/weather", example={"query": {"city": "Oslo"}})
    run("call", "acme/weather", "--max", "0.02", "--quiet")
    site = storefront.site.call_base_url
    assert told == [
        ("buy", f"{site}/call/acme/weather?city=Oslo", "--method=GET", "--max=0.02", "--quiet")
    ]
    with pytest.raises(CommandError, match="acme/rain"):
        run("call", "acme/rain")
