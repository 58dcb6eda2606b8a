"""Whoever is told to type something can type it: its own parser takes it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tests.docs.commands import (
    OURS,
    in_backticks,
    of_document,
    of_sources,
    outside_backticks,
    trouble,
)

# `manage.py <name>` in a text, up to what cannot be a name.
NAMED = re.compile(r"manage\.py ([a-z_]+)")
DOCUMENTS = ("README.md", *(f"docs/{name}.md" for name in ("operate", "sell", "buy", "extend")))


@pytest.mark.parametrize(
    ("command", "why"),
    [
        ("python3 manage.py relayer adopt 0x…", ""),
        ("python3 manage.py export payments > books.csv", ""),
        ("celery --app marketplace beat", ""),
        ("make room", ""),
        ("python3 manage.py reconcil", "no command 'reconcil'"),
        ("python3 manage.py reconcile --mend", "--mend"),
        ("python3 manage.py listing pause", "path"),
        ("celery --app marketplace bear", "no bear"),
    ],
)
def test_what_cannot_be_typed_is_seen(command: str, why: str) -> None:
    said = trouble(command)
    assert (why in said) if why else said == ""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_command_of_the_guides_is_taken_by_its_parser(checkout: Path, document: str) -> None:
    named = list(of_document(checkout / document))
    assert len(named) > 10 or document != "docs/operate.md"
    assert {each: why for each in named if (why := trouble(each))} == {}


def test_every_command_of_the_doctor_stands_alone_and_is_taken(checkout: Path) -> None:
    """In backticks, exact: nobody has to guess where it ends."""
    found = list(of_sources(checkout / "marketplace" / "doctor"))
    texts = [(place, text) for place, text in found if OURS in text]
    assert len(texts) > 10
    for place, text in texts:
        assert OURS not in outside_backticks(text), place
        for command in in_backticks(text):
            assert trouble(command) == "", place


def test_every_alert_names_a_command_that_is_taken(checkout: Path) -> None:
    (group,) = yaml.safe_load((checkout / "docs/alerts.yml").read_text())["groups"]
    for rule in group["rules"]:
        command = rule["annotations"]["command"]
        assert command.startswith(OURS), rule["alert"]
        assert trouble(command) == "", rule["alert"]


@pytest.mark.parametrize("folder", ["marketplace", "sellers", "payments"])
def test_no_text_of_the_program_names_a_command_that_is_not_there(
    checkout: Path, folder: str
) -> None:
    for place, text in of_sources(checkout / folder):
        for name in NAMED.findall(text):
            assert "no command" not in trouble(f"{OURS}{name}"), (place, name)
