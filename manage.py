#!/usr/bin/env python3
"""The one entry point: `demo`, `test`, `bench`, and every Django command."""

import os
import sys


def main() -> None:
    """Stand on the project's own packages, then run the command."""
    if sys.version_info < (3, 11):  # noqa: UP036  (an older Python must be able to say this)
        refuse(
            f"Souk needs Python 3.11 or newer; {sys.executable} is {sys.version.split()[0]}. "
            "Install a newer one (Debian 12, Ubuntu 24.04 and Fedora bring it) and start again "
            "with it, for example: python3.12 manage.py demo"
        )
    command, arguments = sys.argv[1:2], sys.argv[2:]
    if command == ["lock"]:
        from bootstrap_lock import lock

        sys.exit(lock(arguments))
    import bootstrap

    bootstrap.stand_on_packages(sys.argv[1:])
    from payments.loaded import collect_seldom

    collect_seldom()
    if command == ["test"]:  # in Django's place, and before any setting is read
        from marketplace.embedded.throwaway import run_tests

        sys.exit(run_tests(arguments))
    if command == ["demo"]:  # which makes the settings that everything else reads
        from marketplace.management.commands.demo import Command

        Command().run_from_argv(sys.argv)
        return
    if command == ["bench"]:  # on a stack of its own, like the tests
        from marketplace.management.commands.bench import Command as Bench

        Bench().run_from_argv(sys.argv)
        return
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "marketplace.settings")
    from django.core.exceptions import ImproperlyConfigured
    from django.core.management import execute_from_command_line

    asked = arguments[:1] if command == ["help"] else command
    if asked in (["buy"], ["verify_receipt"]):  # for whoever has a checkout
        from marketplace.configuration import readers

        readers.NEEDS_INSTALLATION = False
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as wrong:
        refuse(str(wrong))


def refuse(words: str) -> None:
    """End before the command began: with 2, as 1 is a verdict (forged, differences, warnings)."""
    print(words, file=sys.stderr)
    sys.exit(2)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:  # every command may be stopped, and run again
        print("stopped", file=sys.stderr)
        sys.exit(130)
