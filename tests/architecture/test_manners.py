"""Every operator's command has the same manners: JSON, a rehearsal, one run at a time.

Each act of each command of ours stands in one of these tables; one that is in none fails.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from typing import Any, Final

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command, get_commands, load_command_class
from django.core.management.base import BaseCommand, CommandError

from marketplace.management.manners import RUNS_ALREADY, alone

OURS: Final = ("marketplace", "sellers", "payments")

# What changes something: an example, and the lock that keeps a second run away.
CHANGES: Final[dict[str, tuple[tuple[str, ...], str]]] = {
    "account moderator": (("ada",), "account"),
    "account admin": (("ada",), "account"),
    "account forget-second-factor": (("ada",), "account"),
    "account erase": (("ada", "--now"), "account"),
    "backfill": (("earnings",), "backfill"),
    "backup": (("/nowhere/souk.dump",), "backup or restore"),
    "keys rotate": ((), "keys rotate"),
    "listing add": (
        ("https://api.example/x", "--seller=ada", "--slug=x", "--price=1", "--pay-to=0x0"),
        "listing",
    ),
    "listing create": (
        ("--from=/nowhere.json", "--seller=ada", "--price=1", "--pay-to=0x0"),
        "listing",
    ),
    "listing pause": (("ada/x",), "listing"),
    "listing resume": (("ada/x",), "listing"),
    "listing suspend": (("ada/x", "--reason=spam"), "listing"),
    "listing restore": (("ada/x",), "listing"),
    "listing retire": (("ada/x",), "listing"),
    "listing revoke-payout": (("0x0",), "listing"),
    "reconcile": (("--fix",), "reconcile"),
    "relayer adopt": (("0x0",), "relayer adopt"),
    "reopen": (("--redone",), "reopen"),
    "restore": (("/nowhere/souk.dump",), "backup or restore"),
    "settle_stuck": (("--now",), "settle_stuck"),
}
# These change nothing until they are told to; the others have --dry-run.
DRY_UNTIL: Final = {
    "account erase": ("--yes", "--now", "--stop"),
    "reconcile": ("--fix",),
    "reopen": ("--redone",),
    "settle_stuck": ("--now",),
}
READS: Final = {
    "account code",
    "account export",
    "audit verify",
    "export",
    "listing key",
    "listing list",
    "probe",
    "relayer show",
    "verify_receipt",
}
EXCEPTIONS: Final = {
    "audit export": "it writes an entry a line, as JSON, whoever asks; it changes nothing",
    "bench": "for developers: it runs before any setting is read, on a stack of its own",
    "buy": "for buyers, whose --json is the body that they send; it changes nothing here",
    "call": "for buyers: `buy` with the address filled in",
    "changepassword": "Django's, which asks at the keyboard and says so in its own words",
    "createsuperuser": "Django's, which asks at the keyboard and says so in its own words",
    "demo": "it runs before any setting is read, and keeps a second one away by its folder",
    "doctor": "--fix does what takes no decision and may be done twice; migrate has its own lock",
    "faucet": "for the demo chain alone",
    "migrate": "Django's, with its --plan and --check for a rehearsal; a second run waits",
    "work": "as many may run as one likes: each row is taken by one of them; --once has a lock",
}


def commands() -> dict[str, BaseCommand]:
    """Every command that this repository brings."""
    return {
        name: load_command_class(app, name)
        for name, app in get_commands().items()
        if isinstance(app, str) and app.split(".")[0] in OURS
    }


def acts() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """Every act of every command, with the parser of its own options."""
    for name, command in commands().items():
        parser = command.create_parser("manage.py", name)
        choices = [each for each in parser._actions if isinstance(each, argparse._SubParsersAction)]
        if not choices:
            yield name, parser
        for choice in choices:
            for act, own in choice.choices.items():
                yield f"{name} {act}", own


def options_of(parser: argparse.ArgumentParser) -> set[str]:
    return {option for action in parser._actions for option in action.option_strings}


def test_every_act_of_every_command_has_its_manners_or_a_reason() -> None:
    known = [*CHANGES, *READS, *EXCEPTIONS]
    assert sorted(known) == sorted(name for name, _ in acts())


@pytest.mark.parametrize("name", [*CHANGES, *READS])
def test_it_answers_in_json(name: str) -> None:
    assert "--json" in options_of(dict(acts())[name])


@pytest.mark.parametrize("name", CHANGES)
def test_it_can_be_rehearsed(name: str) -> None:
    wanted = set(DRY_UNTIL.get(name, ("--dry-run",)))
    assert wanted <= options_of(dict(acts())[name])


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("name", CHANGES)
def test_a_second_run_is_kept_away(name: str, settings: Any, database_url: str) -> None:
    """The first one holds the lock; nothing of the second is done, not even looked up."""
    settings.DATABASE_URL = settings.DATABASE_DIRECT_URL = database_url
    settings.SELLER_SECRETS_KEYS = ["x" * 43 + "="]
    User.objects.create_user("ada")
    arguments, lock = CHANGES[name]
    with alone(lock), pytest.raises(CommandError) as refused:
        call_command(*name.split(), *arguments)
    assert refused.value.returncode == RUNS_ALREADY


def test_work_once_is_kept_away_from_itself(
    transactional_db: None, settings: Any, database_url: str
) -> None:
    settings.DATABASE_URL = settings.DATABASE_DIRECT_URL = database_url
    with alone("work --once"), pytest.raises(CommandError, match="runs on this database already"):
        call_command("work", "--once", "--json")
