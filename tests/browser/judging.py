"""What is wrong with a page in a real browser: on a phone and a desk, by day and by night."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import CDPSession, Page

from tests.browser.chromium import Seen
from tests.browser.contrast import LEAST, Rgb, contrast, luminance

HERE = Path(__file__).parent
PAGE_FAULTS = (HERE / "page_faults.js").read_text(encoding="utf-8")
FOCUS_TRAIL = (HERE / "focus_trail.js").read_text(encoding="utf-8")
SENT_TWICE = (HERE / "sent_twice.js").read_text(encoding="utf-8")
PHONE_PX, DESK_PX = 390, 1280
HEIGHT_PX = 900
# Each is one step from the one before; the keyboard walks where nothing was resized yet.
VARIANTS = ((PHONE_PX, "dark"), (PHONE_PX, "light"), (DESK_PX, "light"), (DESK_PX, "dark"))
# What somebody may press or fill in, in the words of the accessibility tree.
PRESSED = {
    "button", "checkbox", "combobox", "link", "listbox", "menuitem", "radio", "searchbox", "slider",
    "spinbutton", "switch", "tab", "textbox", "ColorWell", "Date", "DisclosureTriangle",
}  # fmt: skip
STOPS_OF_A_DATE = 4  # day, month, year and the calendar
ASPECTS = (
    "policy", "complaints", "files", "width", "placed", "contrast", "keyboard", "names", "outline",
    "once",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Judged:
    """One page, and by aspect what is wrong with it."""

    address: str
    faults: dict[str, list[str]] = field(default_factory=lambda: {each: [] for each in ASPECTS})

    def add(self, aspect: str, *said: str) -> None:
        """Note what is new: most of what is wrong is so in every variant."""
        kept = self.faults[aspect]
        kept += [each for each in dict.fromkeys(said) if each not in kept]


@dataclass(frozen=True, slots=True)
class Judge:
    """Looks at one page after the other, all in one tab."""

    page: Page
    seen: Seen
    tools: CDPSession

    @classmethod
    def at(cls, page: Page, seen: Seen) -> Judge:
        return cls(page, seen, page.context.new_cdp_session(page))

    def judge(self, address: str) -> Judged:
        """Open it once, and look at it in all its variants."""
        before = len(self.seen.complaints), len(self.seen.stopped_by), len(self.seen.requested)
        judged = Judged(address)
        self._show(*VARIANTS[0])
        answer = self.page.goto(address)
        assert answer is not None
        judged.add("policy", *_policy_faults(answer.headers.get("content-security-policy", "")))
        for width, theme in VARIANTS:
            self._show(width, theme)
            self._look(judged, width, theme)
            if (width, theme) == VARIANTS[1]:
                judged.add("keyboard", *self._keyboard_faults())
        judged.add("names", *self._nameless())
        judged.add("once", *self._sent_twice())
        complaints, stopped, requested = before
        judged.add("complaints", *self.seen.complaints[complaints:])
        judged.add("policy", *self.seen.stopped_by[stopped:])
        judged.add("files", *_file_faults(address, self.seen.requested[requested:]))
        return judged

    def _show(self, width: int, theme: str) -> None:
        self.page.set_viewport_size({"width": width, "height": HEIGHT_PX})
        self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]

    def _look(self, judged: Judged, width: int, theme: str) -> None:
        where = f"{width} px, {theme}: "
        metrics = self.tools.send("Page.getLayoutMetrics")
        if (widest := metrics["cssContentSize"]["width"]) > width:
            judged.add("width", f"{where}{widest} px wide")
        found = self.page.evaluate(PAGE_FAULTS)
        judged.add("placed", *(f"{width} px: {each}" for each in found["placed"]))
        judged.add("outline", *found["outline"])
        if (luminance(read_rgb(found["paper"])[:3]) < 0.5) != (theme == "dark"):
            judged.add("contrast", f"{where}the paper is {found['paper']}")
        if not found["texts"]:
            judged.add("contrast", f"{where}no text")
        judged.add("contrast", *(where + each for each in _unreadable(found["texts"])))

    def _keyboard_faults(self) -> Iterator[str]:
        controls = self.page.evaluate(FOCUS_TRAIL)
        if not controls:
            yield "no control"
        dates = sum('type="date"' in each for each in controls)
        for _ in range(len(controls) + dates * STOPS_OF_A_DATE):
            self.page.keyboard.press("Tab")
        trail = self.page.evaluate("() => focusTrail")
        self.page.evaluate("() => document.activeElement.blur()")
        reached = iter([control for control, _ in trail])
        yield from (f"not reached: {each}" for each in controls if each not in reached)
        yield from (f"{said}: {control}" for control, problems in trail for said in problems)

    def _nameless(self) -> Iterator[str]:
        """Whatever can be pressed and is called nothing."""
        tree = self.tools.send("Accessibility.getFullAXTree")
        for node in tree["nodes"]:
            role = node.get("role", {}).get("value", "")
            if role in PRESSED and not node["ignored"] and not _name_of(node):
                yield f"a {role} without a name: {self._markup(node)}"

    def _sent_twice(self) -> Iterator[str]:
        """Last, as the page's forms count as sent from here on."""
        for action, times, is_file in self.page.evaluate(SENT_TWICE):
            if times > 1 and not is_file:
                yield f"{action} is sent {times} times"

    def _markup(self, node: dict[str, Any]) -> str:
        of = {"backendNodeId": node["backendDOMNodeId"]}
        return str(self.tools.send("DOM.getOuterHTML", of)["outerHTML"])[:200]


def _name_of(node: dict[str, Any]) -> str:
    return str(node.get("name", {}).get("value", "")).strip()


def _policy_faults(policy: str) -> Iterator[str]:
    if "default-src 'none'" not in policy or "unsafe" in policy:
        yield policy or "no policy"


def _file_faults(address: str, requested: list[str]) -> Iterator[str]:
    """One script and one style, and nobody else is asked; a price's page has its style inside."""
    at = urlsplit(address)
    asked = [urlsplit(url) for url in requested]
    paths = [each.path for each in asked]
    of_price = at.path.startswith("/call/")
    for kind, due in ((".js", 1), (".css", int(not of_price))):
        found = [path for path in paths if path.endswith(kind)]
        if len(found) != due:
            yield f"{len(found)} files {kind}: {found}"
    for each in asked:
        if each.scheme not in {"data", "blob", "about"} and each.netloc != at.netloc:
            yield f"asks {each.geturl()}"


def _unreadable(texts: list[tuple[str, str, float, str]]) -> Iterator[str]:
    for colour, behind, opacity, sample in texts:
        ground = read_rgb(behind)[:3]
        ink = _mixed(read_rgb(colour), ground, opacity)
        if contrast(ink, ground) < LEAST:
            yield f"{contrast(ink, ground):.1f} for {sample}"


def _mixed(ink: tuple[float, ...], ground: tuple[float, ...], opacity: float) -> Rgb:
    """What reaches the eye of an ink that lets the ground through."""
    share = opacity * (ink[3] if len(ink) > 3 else 1)
    red, green, blue = (share * of + (1 - share) * on for of, on in zip(ink, ground, strict=False))
    return red, green, blue


def read_rgb(colour: str) -> tuple[float, ...]:
    inside = colour.removeprefix("rgba(").removeprefix("rgb(").rstrip(")")
    return tuple(float(part) for part in inside.split(","))
