"""`manage.py account`: make somebody a moderator, let in who lost their second factor, and hand
out or erase what is kept of them."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, TypeAlias

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.accounts import erasure, own_data, second_factor, sessions
from marketplace.management.manners import alone, rehearsed, rehearses, speaks_json, tell
from payments import audit_log
from payments.wallets.payers import payers_of
from sellers.moderators import MODERATORS
from sellers.profile.directory import seller_of

COMMAND = audit_log.command("account")


Said: TypeAlias = tuple[dict[str, Any], str]  # the same for a program and for a person


class Command(BaseCommand):
    help = "Look after the people who sign in here."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        moderator = acts.add_parser("moderator", help="let somebody judge listings")
        moderator.add_argument("--remove", action="store_true", help="or no longer")
        admin = acts.add_parser("admin", help="let somebody run the site")
        admin.add_argument("--remove", action="store_true", help="or no longer")
        forget = acts.add_parser(
            "forget-second-factor", help="phone and recovery codes are gone: start anew"
        )
        code = acts.add_parser("code", help="in the demo: the code that a phone would show")
        export = acts.add_parser("export", help="everything that is kept of them, as a zip file")
        export.add_argument("--to", required=True, type=Path, help="the file to write")
        erase = acts.add_parser(
            "erase", help="let go of everything but the books; says what it would do"
        )
        how = erase.add_mutually_exclusive_group()
        how.add_argument("--yes", action="store_true", help="do it, after the time to think again")
        how.add_argument("--now", action="store_true", help="do it without that time")
        how.add_argument("--stop", action="store_true", help="keep the account after all")
        for each in (moderator, admin, forget):
            rehearses(each)
        for each in (moderator, admin, forget, code, export, erase):
            each.add_argument("name", help="what they sign in with")
            speaks_json(each)

    def handle(self, *args: Any, **options: Any) -> None:
        dry = bool(options.get("dry_run"))
        if options["act"] in READS:
            document, words = READS[options["act"]](_person(options["name"]), options)
        else:
            with alone("account"), rehearsed(dry=dry):
                document, words = CHANGES[options["act"]](_person(options["name"]), options)
        document = {"name": options["name"], "act": options["act"], "dry_run": dry, **document}
        tell(self.stdout, document, _lines(words, dry=dry), as_json=options["json"])


def _lines(words: str, *, dry: bool) -> list[str]:
    return [words, "Nothing was changed: this was a rehearsal."] if dry else [words]


def _person(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"Nobody signs in as {name} here.")
    return user


def _moderate(user: User, options: dict[str, Any]) -> Said:
    moderators = Group.objects.get(name=MODERATORS)
    if options["remove"]:
        user.groups.remove(moderators)
        audit_log.record(COMMAND, "role.moderator_taken", audit_log.user(user.pk))
        return {"moderator": False}, f"{user.username} is no moderator any more."
    user.groups.add(moderators)
    audit_log.record(COMMAND, "role.moderator_given", audit_log.user(user.pk))
    words = f"{user.username} is a moderator: the pages open with a second factor."
    return {"moderator": True}, words


def _admit(user: User, options: dict[str, Any]) -> Said:
    user.is_staff = user.is_superuser = not options["remove"]
    user.save(update_fields=["is_staff", "is_superuser"])
    act = "role.admin_taken" if options["remove"] else "role.admin_given"
    audit_log.record(COMMAND, act, audit_log.user(user.pk))
    if options["remove"]:
        return {"admin": False}, f"{user.username} runs this site no more."
    words = f"{user.username} runs this site: the pages open with a second factor."
    return {"admin": True}, words


def _forget(user: User, options: dict[str, Any]) -> Said:
    second_factor.remove(user, by=COMMAND)
    sessions.end_all(user)
    words = f"{user.username} has no second factor now, and is signed out."
    return {"second_factor": False}, words


def _code(user: User, options: dict[str, Any]) -> Said:
    if not settings.DEMO_CHAIN_RPC:
        raise CommandError("Codes are printed in the demo only.")
    code = second_factor.present_code(user)
    if code is None:
        raise CommandError(f"{user.username} has no second factor.")
    return {"code": code}, code


def _export(user: User, options: dict[str, Any]) -> Said:
    """A file that nobody else on this machine may read; half a file is none."""
    to: Path = options["to"]
    try:
        descriptor = os.open(to, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise CommandError(f"{to} cannot be written: {error.strerror}.") from None
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.writelines(own_data.archive_of(user))
        audit_log.record(COMMAND, "account.exported", audit_log.user(user.pk))
    except BaseException:
        to.unlink()
        raise
    words = f"Everything of {user.username} is in {to}. Hand it to nobody else."
    return {"file": str(to)}, words


def _erase(user: User, options: dict[str, Any]) -> Said:
    if options["stop"]:
        if erasure.take_back(user, by=COMMAND):
            words = f"{user.username} stays. Listings that were paused are theirs to resume."
            return {"erasure": "taken back"}, words
        words = f"Nothing to stop: nobody asked for {user.username} to go, or it has begun."
        return {"erasure": "nothing to stop"}, words
    if not options["yes"] and not options["now"]:
        return _would_erase(user)
    try:
        asked = erasure.ask(user, after_seconds=0 if options["now"] else None, by=COMMAND)
    except erasure.HasDuties:
        raise CommandError(
            f"{user.username} judges listings or runs this site: take that role away first."
        ) from None
    disputes = erasure.disputes_of(user)
    document = {"number": user.pk, "due_at": asked.due_at, "open_disputes": disputes}
    return {"erasure": "asked", **document}, (
        f"{user.username} (number {user.pk}) goes on {asked.due_at:%Y-%m-%d %H:%M} UTC, by the"
        f" worker, once every payment of theirs has come to its end.{_held_up(disputes)}"
    )


def _would_erase(user: User) -> Said:
    seller, wallets = seller_of(user), len(payers_of(user))
    listings = seller.listings.exclude(state="retired").count() if seller else 0
    sells = f", {listings} listing(s) of {seller.slug} to pause and retire" if seller else ""
    disputes = erasure.disputes_of(user)
    document = {"wallets": wallets, "listings": listings, "open_disputes": disputes}
    return {"erasure": "not asked", **document}, (
        f"{user.username}: {wallets} wallet(s){sells}. Payments, ledger, receipts and"
        f" the terms of what was sold stay.{_held_up(disputes)}"
        " Nothing was done; --yes does it, --now at once."
    )


def _held_up(disputes: int) -> str:
    if not disputes:
        return ""
    return (
        f" {disputes} dispute(s) of theirs are open: nothing is erased before each is decided"
        " (/moderation/disputes/)."
    )


READS: Final[dict[str, Callable[[User, dict[str, Any]], Said]]] = {
    "code": _code,
    "export": _export,
}
CHANGES: Final[dict[str, Callable[[User, dict[str, Any]], Said]]] = {
    "moderator": _moderate,
    "admin": _admit,
    "forget-second-factor": _forget,
    "erase": _erase,
}
