"""Pages that follow what is done elsewhere: over one stream, and what one types stays as it is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.test import override_settings
from django.utils import timezone
from playwright.sync_api import Page, Route, expect

from sellers.drafting import worksheets
from sellers.models import Look, Seller, Worksheet
from tests.browser.chromium import Chromium, Seen
from tests.end_to_end.test_live_earnings import signed_in
from tests.fixtures.foreign import admin, browser_of
from tests.fixtures.stack import Stack

PATIENCE_MS = 30_000
# What a worker writes; a browser's thread has no models.
STEP = """
    update sellers_look set state = 'running', steps = steps ||
           jsonb_build_array(jsonb_build_object('name', %s::text, 'good', true, 'said', %s::text))
     where worksheet_id = %s returning 1
"""
OVER = "update sellers_look set state = 'bad', due_at = null where worksheet_id = %s returning 1"
BACKUP = """
    insert into payments_heartbeat (name, at) values ('backup', now() - make_interval(days => %s))
        on conflict (name) do update set at = excluded.at returning 1
"""
NO_BACKUP = "delete from payments_heartbeat where name = 'backup' returning 1"


def streams(seen: Seen) -> int:
    return sum("/events?" in each for each in seen.requested)


def waiting_draft(stack: Stack) -> Worksheet:
    """A draft of the seller `tests` whose look no worker takes."""
    stack.sell()
    with stack.database():
        sheet = worksheets.start(Seller.objects.get(slug="tests"), {"upstream_url": "https://x.y"})
        later = timezone.now() + timedelta(hours=1)
        Look.objects.create(worksheet=sheet, due_at=later, asked={"method": "GET", "url": "x"})
    return sheet


def test_a_look_shows_each_step_and_leaves_what_is_typed_alone(
    browser: Chromium, stack: Stack
) -> None:
    sheet = waiting_draft(stack)

    def watch(page: Page, seen: Seen) -> list[str]:
        page.goto(f"{stack.base_url}/sell/drafts/{sheet.pk}/endpoint")
        look, address = page.locator("#look"), page.get_by_label("Address of your endpoint")
        expect(look).to_contain_text("Waiting for a worker")
        page.evaluate("window.neverReloaded = true")
        address.fill("https://half.typed")
        for name, said in (("DNS", "found at once"), ("Status", "no word of it")):
            stack.rows(STEP, name, said, sheet.pk)
            expect(look).to_contain_text(said, timeout=PATIENCE_MS)
        expect(look).to_contain_text("Asking the endpoint")
        expect(address).to_be_focused()
        expect(address).to_have_value("https://half.typed")
        assert streams(seen) == 1, "no step opens it anew"
        stack.rows(OVER, sheet.pk)
        expect(look).not_to_contain_text("Asking the endpoint", timeout=PATIENCE_MS)
        expect(page.locator("#live")).to_have_count(0)
        expect(address).to_be_focused()
        assert page.evaluate("window.neverReloaded")
        assert not any("/events/poll" in each for each in seen.requested)
        return [*seen.stopped_by, *seen.complaints]

    with signed_in(stack) as cookie:
        assert browser.visit(watch, headers=cookie) == []


def test_a_look_is_followed_by_a_link_where_no_script_runs(browser: Chromium, stack: Stack) -> None:
    sheet = waiting_draft(stack)

    def watch(page: Page, seen: Seen) -> None:
        page.goto(f"{stack.base_url}/sell/drafts/{sheet.pk}/endpoint")
        stack.rows(STEP, "DNS", "found at once", sheet.pk)
        page.get_by_role("link", name="Show how far it has come").click()
        expect(page.locator("#look")).to_contain_text("found at once")

    with signed_in(stack) as cookie:
        browser.visit(watch, headers=cookie, script=False)


@pytest.fixture
def operator(stack: Stack) -> Iterator[dict[str, str]]:
    """The cookie of whoever runs the site; it goes again, as others make one of that name."""
    with stack.database(), override_settings(SECRET_KEY=stack.environment["SECRET_KEY"]):
        person = admin()
        cookies = browser_of(person, second_factor=True).cookies
    yield {"Cookie": "; ".join(f"{name}={each.value}" for name, each in cookies.items())}
    stack.rows(NO_BACKUP)
    with stack.database():
        person.delete()


def test_the_operators_page_follows_the_site(
    browser: Chromium, stack: Stack, operator: dict[str, str]
) -> None:
    stack.rows(BACKUP, 3)

    def watch(page: Page, seen: Seen) -> list[str]:
        page.goto(f"{stack.base_url}/operator/")
        tiles = page.locator("#tiles")
        expect(tiles).to_contain_text("Made 3 days ago")
        page.evaluate("window.neverReloaded = true")
        link = tiles.get_by_role("region", name="Backup").get_by_role("link")
        link.focus()
        stack.rows(BACKUP, 9)
        expect(tiles).to_contain_text("Made 9 days ago", timeout=PATIENCE_MS)
        expect(link).to_be_focused()
        assert page.evaluate("window.neverReloaded")
        assert streams(seen) == 1
        return [*seen.stopped_by, *seen.complaints]

    assert browser.visit(watch, headers=operator) == []


def test_a_part_that_could_not_be_shown_anew_is_asked_for_again(
    browser: Chromium, stack: Stack, operator: dict[str, str]
) -> None:
    """A proxy's words do not stand in its place; and nothing else would tell of the change."""
    stack.rows(BACKUP, 3)
    refused: list[str] = []

    def refuse_once(route: Route) -> None:
        if route.request.headers.get("hx-request") and not refused:
            refused.append(route.request.url)
            route.fulfill(status=502, content_type="text/html", body="<h1>502 Bad Gateway</h1>")
        else:
            route.fallback()

    def watch(page: Page, seen: Seen) -> None:
        page.route("**/operator/", refuse_once)
        page.goto(f"{stack.base_url}/operator/")
        tiles = page.locator("#tiles")
        expect(tiles).to_contain_text("Made 3 days ago")
        stack.rows(BACKUP, 9)
        expect(page.locator("#toasts")).to_contain_text("could not be reached")
        expect(tiles).to_contain_text("Made 3 days ago")
        expect(tiles).to_contain_text("Made 9 days ago", timeout=PATIENCE_MS)
        assert len(refused) == 1

    browser.visit(watch, headers=operator)
