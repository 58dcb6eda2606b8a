"""A real Chromium that opens pages and writes down what happened on them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, TypeVar
from urllib.parse import urlsplit

from playwright.sync_api import (
    BrowserContext,
    ConsoleMessage,
    Page,
    Playwright,
    Response,
    sync_playwright,
)

T = TypeVar("T")

NAMES = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")
HOW_TO_GET_ONE = "no Chromium here: apt-get update && apt-get install -y chromium"
PAGE_MS_MAX = 30_000
# None of the traffic of a browser's own, and no sandbox for want of the rights in a container.
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)


def find_chromium() -> str | None:
    return next(filter(None, map(shutil.which, NAMES)), None)


@dataclass
class Seen:
    """What a page did while it was open."""

    responses: list[Response] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)  # the console's errors, CSP's among them
    requested: list[str] = field(default_factory=list)
    stopped_by: list[str] = field(default_factory=list)  # the policy's rules that stopped something

    def requested_beyond(self, origin: str) -> list[str]:
        """Network requests to anybody else; what a page carries in itself is none."""
        return [
            url
            for url in self.requested
            if urlsplit(url).scheme not in {"data", "blob", "about"}
            and not url.startswith(f"{origin}/")
        ]


class Chromium:
    """One browser for all tests of a process, in a thread of its own.

    Playwright keeps an event loop running in the thread it was started in, which neither
    Django's models nor asynchronous tests bear.
    """

    def __init__(self, executable: str) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1)
        self._executable = executable
        self._playwright: Playwright = self._do(lambda: sync_playwright().start())
        self._browser = self._do(
            lambda: self._playwright.chromium.launch(
                executable_path=self._executable, args=[*ARGUMENTS], headless=True
            )
        )

    def close(self) -> None:
        self._do(self._browser.close)
        self._do(self._playwright.stop)
        self._thread.shutdown()

    def visit(
        self,
        then: Callable[[Page, Seen], T],
        *,
        theme: str = "light",
        width: int = 1280,
        headers: Mapping[str, str] | None = None,
        script: bool = True,
        by_way_of: str | None = None,
    ) -> T:
        """Hand a fresh page to `then`, in the browser's thread, and return what it found.

        Without `script` the browser is one that runs none; `by_way_of` is a proxy's address.
        """
        proxy = {"server": by_way_of, "bypass": "<-loopback>"} if by_way_of else None

        def do() -> T:
            context = self._browser.new_context(
                color_scheme=theme,  # type: ignore[arg-type]
                viewport={"width": width, "height": 900},
                extra_http_headers=dict(headers or {}),
                java_script_enabled=script,
                proxy=proxy,  # type: ignore[arg-type]
            )
            try:
                return then(*_watched_page(context))
            finally:
                context.close()

        return self._do(do)

    def _do(self, work: Callable[[], T]) -> T:
        return self._thread.submit(work).result()


def _watched_page(context: BrowserContext) -> tuple[Page, Seen]:
    context.set_default_timeout(PAGE_MS_MAX)
    page, seen = context.new_page(), Seen()
    page.on("response", lambda response: seen.responses.append(response))
    page.on("request", lambda request: seen.requested.append(request.url))
    page.on("pageerror", lambda error: seen.complaints.append(str(error)))
    page.on("console", lambda said: _hear(said, page, seen))
    devtools = context.new_cdp_session(page)
    devtools.on("Audits.issueAdded", lambda event: _note(event["issue"], seen))
    devtools.send("Audits.enable")
    return page, seen


def _hear(said: ConsoleMessage, page: Page, seen: Seen) -> None:
    # A page that is itself a 402 or a 404 is said to have failed to load; that is no fault of it.
    own_status = said.location["url"] == page.url and said.text.startswith("Failed to load")
    if said.type == "error" and not own_status:
        seen.complaints.append(said.text)


def _note(issue: dict[str, Any], seen: Seen) -> None:
    if issue["code"] == "ContentSecurityPolicyIssue":
        report = issue["details"]["contentSecurityPolicyIssueDetails"]
        seen.stopped_by.append(report["violatedDirective"])


def widest_px(page: Page) -> float:
    """How wide the page's content is, said by the layout and not by a script in the page."""
    metrics = page.context.new_cdp_session(page).send("Page.getLayoutMetrics")
    return float(metrics["cssContentSize"]["width"])
