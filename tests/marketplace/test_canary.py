"""A seller's secrets are read by nobody: in pages, answers, logs, dumps, error mails, the admin."""

from __future__ import annotations

import io
import json
import logging

import pytest
from django.apps import apps
from django.contrib import admin as admin_pages
from django.contrib.auth.models import User
from django.core import serializers
from django.core.management import call_command
from django.test import Client, RequestFactory
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

from sellers.models import UpstreamSecret, Webhook
from sellers.secrets import Vault
from sellers.webhooks import sending, webhooks
from tests.fixtures.foreign import CANARY, Marked, admin, browser_of, routes, text_of
from tests.fixtures.hooks import Hooks
from tests.fixtures.programs import program_of
from tests.fixtures.upstream import answer


def assert_clean(text: str, marked: Marked, where: str) -> None:
    for secret in marked.secrets:
        assert secret not in text, where


def test_the_canary_is_really_there(marked: Marked, hooks: Hooks) -> None:
    """The search below would find nothing either if nothing had been kept."""
    vault = Vault(hooks.site.secrets_keys)
    sealed = bytes(UpstreamSecret.objects.get(name="x-key").sealed)
    assert vault.open(marked.listing.pk, "x-key", sealed) == CANARY == marked.secrets[0]
    assert webhooks.secrets_in_use(Webhook.objects.get(), hooks.site) == [marked.secrets[1]]


def test_no_dump_holds_a_secret(marked: Marked) -> None:
    out = io.StringIO()
    call_command("dumpdata", "sellers", "payments", "auth", stdout=out)
    assert "sellers.webhook" in out.getvalue()
    assert_clean(out.getvalue(), marked, "dumpdata")
    for model in apps.get_models():
        if model._meta.managed:
            rows = serializers.serialize("json", model._default_manager.all())
            assert_clean(rows, marked, model.__name__)


def test_no_page_for_people_holds_a_secret(marked: Marked) -> None:
    """Not the seller's own, nor what admins and moderators are shown."""
    readers = [browser_of(marked.seller.owner), browser_of(admin(), second_factor=True)]
    for client in readers:
        for under in ("/sell/", "/moderation/", "/account/"):
            for route in routes(under):
                response = client.get(marked.address(route))
                assert_clean(text_of(response), marked, route.pattern)


def test_the_admin_shows_no_secret(marked: Marked) -> None:
    request = RequestFactory().get("/admin/")
    request.user = admin()
    seen = 0
    for model, page in admin_pages.site._registry.items():
        if model._meta.app_label != "sellers":
            continue
        for row in model._default_manager.all():
            fields = page.get_fields(request, row)
            shown = str([getattr(row, name, "") for name in fields if isinstance(name, str)])
            assert_clean(shown, marked, model.__name__)
            assert "sealed" not in fields
            seen += 1
    assert seen


def test_no_log_holds_a_secret(
    marked: Marked, hooks: Hooks, caplog: pytest.LogCaptureFixture
) -> None:
    """Also where things go wrong while a secret is in hand."""
    caplog.set_level(logging.DEBUG)
    hooks.receiver.script(answer(status=500))
    hooks.send()
    robot = program_of(marked.seller)
    here = f"/listings/{marked.listing.pk}"
    said = [
        robot("POST", f"{here}/secret", {"name": "x-key", "value": f"{CANARY}\n"}),
        robot("POST", f"{here}/secret", {"name": "x-key", "value": CANARY * 100}),
        robot("POST", f"{here}/secret", {"name": "unknown", "value": CANARY}),
        robot("POST", f"{here}/secret", {"value": CANARY}),
        robot("POST", f"{here}/propose", {"secret_headers": {"x-key": CANARY}}),
        robot("POST", "/webhooks", {"url": "https://10.0.0.1/", "events": ["payment.paid"]}),
    ]
    assert {one.status for one in said} == {422}
    Client().get("/api/sell/me", headers={"Authorization": f"Bearer {marked.secrets[2]}"})
    Client().get("/api/sell/me", headers={"Authorization": f"Basic {marked.secrets[2]}"})
    assert_clean(json.dumps([one.document for one in said]), marked, "answers")
    assert caplog.text
    assert_clean(caplog.text, marked, "the log")


def test_an_error_mail_holds_no_secret(marked: Marked, hooks: Hooks) -> None:
    """What Django would write to the operator when a request with a key in it fails."""
    headers = {"HTTP_AUTHORIZATION": f"Bearer {marked.secrets[2]}"}
    request = RequestFactory().post("/api/sell/webhooks", {}, **headers)
    request.user = User()
    try:
        raise ZeroDivisionError
    except ZeroDivisionError as error:
        reporter = ExceptionReporter(
            request, type(error), error, error.__traceback__, is_email=True
        )
    assert AdminEmailHandler().reporter_class is ExceptionReporter
    assert_clean(reporter.get_traceback_text(), marked, "an error mail")


def test_a_message_does_not_carry_its_own_secret(marked: Marked, hooks: Hooks) -> None:
    hooks.send()
    (call,) = hooks.receiver.calls
    assert_clean(f"{call.headers} {call.body!r}", marked, "a message")
    assert sending.signature(b"", [marked.secrets[1]], 1)
