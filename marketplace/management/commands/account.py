"""`manage.py account`: make somebody a moderator, and let in who lost their second factor."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth.models import Group, User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from marketplace.access import MODERATORS
from marketplace.accounts import second_factor, sessions


class Command(BaseCommand):
    help = "Look after the people who sign in here."

    def add_arguments(self, parser: CommandParser) -> None:
        acts = parser.add_subparsers(dest="act", required=True)
        moderator = acts.add_parser("moderator", help="let somebody judge listings")
        moderator.add_argument("--remove", action="store_true", help="or no longer")
        forget = acts.add_parser(
            "forget-second-factor", help="phone and recovery codes are gone: start anew"
        )
        code = acts.add_parser("code", help="in the demo: the code that a phone would show")
        for each in (moderator, forget, code):
            each.add_argument("name", help="what they sign in with")

    def handle(self, *args: Any, **options: Any) -> None:
        user = _person(options["name"])
        if options["act"] == "moderator":
            self.stdout.write(_moderate(user, remove=options["remove"]))
        elif options["act"] == "forget-second-factor":
            second_factor.remove(user)
            sessions.end_all(user)
            self.stdout.write(f"{user.username} has no second factor now, and is signed out.")
        else:
            self.stdout.write(_code(user))


def _person(name: str) -> User:
    user = User.objects.filter(username=name).first()
    if user is None:
        raise CommandError(f"Nobody signs in as {name} here.")
    return user


def _moderate(user: User, *, remove: bool) -> str:
    moderators = Group.objects.get(name=MODERATORS)
    if remove:
        user.groups.remove(moderators)
        return f"{user.username} is no moderator any more."
    user.groups.add(moderators)
    return f"{user.username} is a moderator: the pages open with a second factor."


def _code(user: User) -> str:
    if not settings.DEMO_CHAIN_RPC:
        raise CommandError("Codes are printed in the demo only.")
    code = second_factor.present_code(user)
    if code is None:
        raise CommandError(f"{user.username} has no second factor.")
    return code
