"""The colours in the style sheet, computed and not looked at."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from marketplace.gateway import page
from tests.browser.contrast import LEAST, Rgb, contrast

TOKEN = re.compile(r"--([a-z]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\);")
PLAIN = re.compile(r"--([a-z]+): (#[0-9a-f]{3,6});")
TEXTS = ("ink", "soft", "accent", "good", "waiting", "bad")
BACKGROUNDS = ("paper", "card", "sunk", "wash")
# What stands on a ground made for it alone.
PAIRS = (
    ("onaccent", "accent"),
    ("onaccent", "pressed"),
    ("pressed", "card"),
    ("good", "goodwash"),
    ("waiting", "waitingwash"),
    ("bad", "badwash"),
    ("ink", "goodwash"),
    ("ink", "waitingwash"),
    ("ink", "badwash"),
)
LEAST_OF_EDGES = 3.0  # for what a control is known by (WCAG 2, 1.4.11)
THEMES = ("light", "dark")


@pytest.fixture(scope="module")
def tokens(checkout: Path) -> dict[str, dict[str, str]]:
    found = TOKEN.findall((checkout / "static" / "souk.css").read_text())
    return {
        "light": {name: light for name, light, _ in found},
        "dark": {name: dark for name, _, dark in found},
    }


def rgb(hexadecimal: str) -> Rgb:
    digits = hexadecimal.lstrip("#")
    red, green, blue = bytes.fromhex(digits if len(digits) == 6 else "".join(d * 2 for d in digits))
    return red, green, blue


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize(("text", "background"), [*product(TEXTS, BACKGROUNDS), *PAIRS])
def test_text_can_be_read(
    tokens: dict[str, dict[str, str]], text: str, background: str, theme: str
) -> None:
    assert contrast(rgb(tokens[theme][text]), rgb(tokens[theme][background])) >= LEAST


@pytest.mark.parametrize("theme", THEMES)
@pytest.mark.parametrize("background", ["paper", "card"])
def test_the_edge_of_a_control_can_be_seen(
    tokens: dict[str, dict[str, str]], background: str, theme: str
) -> None:
    assert contrast(rgb(tokens[theme]["edge"]), rgb(tokens[theme][background])) >= LEAST_OF_EDGES


def test_the_measure_knows_black_from_white_and_a_pale_grey() -> None:
    assert contrast(rgb("#000"), rgb("#fff")) == pytest.approx(21)
    assert contrast(rgb("#777777"), rgb("#ffffff")) < LEAST < contrast(rgb("#767676"), rgb("#fff"))


def test_the_price_page_wears_the_same_colours(tokens: dict[str, dict[str, str]]) -> None:
    light, dark = page.STYLE.split("@media (prefers-color-scheme: dark)")
    for theme, style in (("light", light), ("dark", dark)):
        worn = {name: rgb(colour) for name, colour in PLAIN.findall(style)}
        assert {"ink", "soft", "accent", "paper", "card"} <= worn.keys()
        assert worn == {name: rgb(tokens[theme][name]) for name in worn}
