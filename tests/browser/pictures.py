"""The pictures of the documents, taken from the running demo: `python -m tests.browser.pictures`.

Start the demo first. Everybody signs in as a visitor would; nothing is changed but by signing in
and by one purchase.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from playwright.sync_api import Page, expect

from marketplace.embedded.demo_accounts import BUYER
from tests.browser.chromium import HOW_TO_GET_ONE, Chromium, Seen, find_chromium
from tests.browser.injected_wallet import InjectedWallet
from tests.fixtures.cast import Person

CHECKOUT = Path(__file__).resolve().parents[2]
PICTURES = CHECKOUT / "docs" / "pictures"
KEYS = CHECKOUT / ".souk" / "keys"
BOUGHT = "/call/atlas/city-facts?city=Oslo"
BY_WALLET = "Sign in with Test wallet"

Enter = Callable[[Page, str], None]


def anybody(page: Page, base: str) -> None:
    """Nobody signs in."""


def seller(page: Page, base: str) -> None:
    _by_password(page, base, "atlas", "seller_password")


def operator(page: Page, base: str) -> None:
    _by_password(page, base, "admin", "admin_password")
    code = page.get_by_role("textbox")
    if page.get_by_role("button", name="Go on").is_visible():
        code.fill(manage("account", "code", "admin").strip())
        page.get_by_role("button", name="Go on").click()
        expect(page.get_by_role("heading", level=1)).not_to_have_text("Show your code")
        return
    page.goto(f"{base}/operator/")  # which has a new admin take up a second factor
    code.fill(page.locator("strong.number").inner_text())
    page.get_by_role("button", name="Turn it on").click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Take up a second factor")


def buyer(page: Page, base: str) -> None:
    InjectedWallet(Person("buyer", BUYER.address, BUYER.private_key)).into(page)
    page.goto(f"{base}/account/")
    page.get_by_role("button", name=BY_WALLET).click()
    page.wait_for_url(f"{base}/account/")


# Who sees which pages, each by the name of its picture.
SEEN: tuple[tuple[Enter, dict[str, str]], ...] = (
    (anybody, {"front": "/", "listing": "/l/atlas/city-facts", "receipt": "/p/"}),
    (seller, {"earnings": "/sell/earnings/", "health": "/sell/health"}),
    (buyer, {"receipts": "/buy/", "limits": "/buy/limits/"}),
    (operator, {"operator": "/operator/"}),
)


def _by_password(page: Page, base: str, name: str, file: str) -> None:
    page.goto(f"{base}/account/sign-in")
    page.get_by_role("textbox", name="Name").fill(name)
    page.get_by_label("Password", exact=True).fill((KEYS / file).read_text(encoding="utf-8"))
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", level=1)).not_to_have_text("Sign in")


def manage(*arguments: str) -> str:
    command = [sys.executable, "manage.py", *arguments]
    done = subprocess.run(command, cwd=CHECKOUT, check=True, capture_output=True, text=True)
    return done.stdout


def take(browser: Chromium, base: str, enter: Enter, pages: dict[str, str]) -> None:
    """The first screen of each page, on paper of a fixed size."""

    def visit(page: Page, seen: Seen) -> None:
        enter(page, base)
        for name, path in pages.items():
            page.goto(base + path)
            page.screenshot(path=PICTURES / f"{name}.png")

    browser.visit(visit)


def main(base: str = "http://127.0.0.1:8402") -> None:
    executable = find_chromium()
    if executable is None:
        sys.exit(HOW_TO_GET_ONE)
    bought = re.search("/p/[0-9a-f-]{36}", manage("buy", base + BOUGHT))
    assert bought is not None
    browser = Chromium(executable)
    try:
        for enter, pages in SEEN:
            paths = {name: bought[0] if path == "/p/" else path for name, path in pages.items()}
            take(browser, base, enter, paths)
    finally:
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
