"""The pages for webhooks and keys: shown once, kept on error, nobody else's."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client

from sellers.models import ApiKey, Notice, Seller, Webhook
from sellers.notices import notify
from sellers.programs import keys
from sellers.webhooks import webhooks
from tests.fixtures.browsers import fresh
from tests.fixtures.hooks import Hooks, only, sign_up
from tests.fixtures.upstream import answer
from tests.sellers.desk import value

HOOKS, KEYS = "/sell/webhooks", "/sell/keys"
HOSTILE = "<script>alert(1)</script>\"' onload=x"


@pytest.fixture
def browser(seller: Seller) -> Client:
    return fresh(seller.owner)


def text(response: Any, status: int = 200) -> str:
    assert response.status_code == status
    return str(response.content.decode())


def test_a_webhook_is_added_and_its_secret_shown_this_once(hooks: Hooks, browser: Client) -> None:
    said = {"url": f"{hooks.receiver.url}/told", "events": ["payment.paid", "listing.refused"]}
    response = browser.post(HOOKS, said)
    page = text(response)
    hook = Webhook.objects.get()
    (secret,) = webhooks.secrets_in_use(hook, hooks.site)
    assert secret in page
    assert "no-store" in response["Cache-Control"]
    assert hook.events == ["payment.paid", "listing.refused"]
    webhooks.try_out(hook)
    hooks.send()
    everywhere = [HOOKS, f"{HOOKS}/{hook.pk}/", f"{HOOKS}/deliveries/{only(hook).pk}/"]
    for path in everywhere:
        page = text(browser.get(path))
        assert secret not in page
        assert hook.url in page


def test_of_many_messages_the_newest_stand_open(hooks: Hooks, browser: Client) -> None:
    seller = Seller.objects.get(owner__isnull=False)
    for number in range(5):
        Notice.objects.create(seller=seller, subject=f"message {number}", text="Look.")
    page = text(browser.get(HOOKS))
    shown, folded = page.split("<summary>2 older messages</summary>")
    assert [each for each in range(5) if f"message {each}" in shown] == [2, 3, 4]
    assert "message 0" in folded


def test_what_was_typed_is_kept_when_it_is_refused(hooks: Hooks, browser: Client) -> None:
    said = {"url": "https://10.1.2.3/" + HOSTILE, "events": ["payment.paid"]}
    page = text(browser.post(HOOKS, said), 422)
    assert "10.1.2.3" in page
    assert "<script>alert" not in page
    assert page.count("checked") == 1
    assert 'aria-invalid="true"' in page
    assert not Webhook.objects.exists()


def test_the_log_shows_what_came_back_as_text(
    hooks: Hooks, seller: Seller, browser: Client
) -> None:
    made = hooks.open(seller)
    hooks.receiver.on("/told", answer(HOSTILE.encode(), status=500))
    webhooks.try_out(made.webhook)
    hooks.send()
    page = text(browser.get(f"{HOOKS}/deliveries/{only(made.webhook).pk}/"))
    assert "it answered 500" in page
    assert "&lt;script&gt;alert(1)" in page
    assert "<script>alert" not in page


def test_the_buttons_do_what_they_say(hooks: Hooks, seller: Seller, browser: Client) -> None:
    made = hooks.open(seller)
    here = f"{HOOKS}/{made.webhook.pk}"
    browser.post(f"{here}/test")
    hooks.send()
    browser.post(f"{HOOKS}/deliveries/{only(made.webhook).pk}/resend")
    hooks.send()
    assert len(hooks.receiver.calls) == 2
    browser.post(f"{here}/off")
    assert "you turned it off" in text(browser.get(f"{here}/"))
    browser.post(f"{here}/test")
    assert "turn it on first" in text(browser.get(f"{here}/"))
    browser.post(f"{here}/on")
    assert Webhook.objects.get().disabled_at is None
    changed = {"url": f"{hooks.receiver.url}/new", "events": ["payment.final"]}
    assert browser.post(f"{here}/change", changed).status_code == 302
    assert Webhook.objects.get().url.endswith("/new")
    assert "10.0.0.1" in text(browser.post(f"{here}/change", {"url": "https://10.0.0.1/"}), 422)
    seen = {"seen": value(text(browser.get(f"{here}/")), "seen")}
    page = text(browser.post(f"{here}/rotate", seen))
    assert webhooks.secrets_in_use(Webhook.objects.get(), hooks.site)[0] in page
    assert made.secret not in page
    browser.post(f"{here}/remove")
    assert browser.get(f"{here}/").status_code == 404


def test_a_secret_is_changed_once_by_one_form(
    hooks: Hooks, seller: Seller, browser: Client
) -> None:
    made = hooks.open(seller)
    here = f"{HOOKS}/{made.webhook.pk}"
    seen = {"seen": value(text(browser.get(f"{here}/")), "seen")}
    assert browser.post(f"{here}/rotate", seen).status_code == 200
    both = webhooks.secrets_in_use(Webhook.objects.get(), hooks.site)
    for again in (seen, {}):
        assert browser.post(f"{here}/rotate", again).status_code == 302
        assert "was changed since this page was opened" in text(browser.get(f"{here}/"))
        assert webhooks.secrets_in_use(Webhook.objects.get(), hooks.site) == both
    assert both[1] == made.secret
    fresh = {"seen": value(text(browser.get(f"{here}/")), "seen")}
    assert browser.post(f"{here}/rotate", fresh).status_code == 200, "on purpose"


def test_a_log_of_many_has_pages(hooks: Hooks, seller: Seller, browser: Client) -> None:
    made = hooks.open(seller)
    for _ in range(45):
        webhooks.try_out(made.webhook)
    seen: list[str] = []
    address = f"{HOOKS}/{made.webhook.pk}/"
    here = address
    while here:
        response = browser.get(here)
        seen += [str(row["delivery"].pk) for row in response.context["deliveries"]]
        here = address + response.context["next_href"] if response.context["next_href"] else ""
    assert len(seen) == len(set(seen)) == 45
    assert seen == sorted(seen, reverse=True)


def test_a_notice_stays_until_it_is_put_away(hooks: Hooks, seller: Seller, browser: Client) -> None:
    notice = notify(seller.pk, "Webhook x is turned off", HOSTILE)
    assert "Webhook x is turned off" in text(browser.get(HOOKS))
    other = Client()
    other.force_login(sign_up("rival").owner)
    assert other.post(f"/sell/notices/{notice.pk}/seen").status_code == 404
    assert Notice.objects.get().seen_at is None
    assert "Webhook x is turned off" in text(browser.get("/sell/"))
    for odd in ("https://evil.example/", "//evil.example"):
        assert browser.post(f"/sell/notices/{notice.pk}/seen", {"next": odd})["Location"] == HOOKS
    back = browser.post(f"/sell/notices/{notice.pk}/seen", {"next": "/sell/"})
    assert back["Location"] == "/sell/"
    assert "Webhook x is turned off" not in text(browser.get(HOOKS))


def test_a_key_is_made_and_shown_this_once(browser: Client) -> None:
    page = text(browser.post(KEYS, {"name": "Robot", "preset": "analytics"}))
    row = ApiKey.objects.get()
    assert row.scopes == ["listings:read", "money:read"]
    key = page.split('data-copy="')[1].split('"')[0]
    assert keys.recognise(key) == row
    again = text(browser.get(KEYS))
    assert key not in again
    assert row.prefix in again
    assert browser.post(f"{KEYS}/{row.pk}/revoke").status_code == 302
    assert keys.recognise(key) is None
    assert "revoked" in text(browser.get(KEYS))


def test_a_key_is_made_by_whoever_signed_in_a_moment_ago(browser: Client, seller: Seller) -> None:
    """A key is a way in, and may be one for ever: a browser that was left open makes none."""
    kept = keys.issue(seller, "Robot", ["money:read"])
    session = browser.session
    session["signed_in_at"] -= 3_600
    session.save()
    for sent in (browser.get(KEYS), browser.post(KEYS, {"name": "Mine", "preset": "analytics"})):
        assert sent["Location"].startswith("/account/sign-in?")
    assert ApiKey.objects.get() == kept.row
    assert browser.post(f"{KEYS}/{kept.row.pk}/revoke").status_code == 302
    assert keys.recognise(kept.key) is None, "to revoke one is never too much"


@pytest.mark.parametrize(
    "said",
    [
        {"name": "Robot", "preset": "own"},
        {"name": "", "preset": "read-only"},
        {"name": "Robot"},
        {"name": "Robot", "preset": "own", "scopes": ["keys:write"]},
    ],
)
def test_an_odd_key_is_refused_beside_its_field(browser: Client, said: dict[str, Any]) -> None:
    page = text(browser.post(KEYS, said), 422)
    assert 'class="errors"' in page
    assert not ApiKey.objects.exists()


def test_without_a_sealing_key_the_form_says_so(
    hooks: Hooks, browser: Client, settings: Any
) -> None:
    settings.SELLER_SECRETS_KEYS = []
    said = {"url": hooks.receiver.url, "events": ["payment.paid"]}
    assert "its operator has to give it a key" in text(browser.post(HOOKS, said), 422)


def test_visitors_are_asked_to_sign_in_and_others_see_nothing(hooks: Hooks, seller: Seller) -> None:
    made = hooks.open(seller)
    webhooks.try_out(made.webhook)
    key = keys.issue(seller, "Robot", ["money:read"]).row
    delivery = only(made.webhook).pk
    rival = fresh(sign_up("rival").owner)
    get = [f"{HOOKS}/{made.webhook.pk}/", f"{HOOKS}/deliveries/{delivery}/"]
    post = [
        *(f"{HOOKS}/{made.webhook.pk}/{what}" for what in ("change", "rotate", "test", "remove")),
        f"{HOOKS}/deliveries/{delivery}/resend",
        f"{KEYS}/{key.pk}/revoke",
        f"{HOOKS}/{uuid4()}/remove",
    ]
    for path in get:
        assert rival.get(path).status_code == 404
        assert Client().get(path).status_code == 302
    for path in post:
        assert rival.post(path).status_code == 404
        assert Client().post(path).status_code == 302
        assert rival.get(path).status_code == 405
    assert Webhook.objects.get().removed_at is None
    assert ApiKey.objects.get().revoked_at is None
    assert "Robot" not in text(rival.get(KEYS))
