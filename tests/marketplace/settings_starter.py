"""A program that reads the settings for each environment it is given, each time for the first time.

An interpreter takes most of a second until Django is loaded. This one loads what is not ours, and
forks for each environment; nothing of ours is loaded before that.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import tempfile
import traceback

OURS = {"marketplace", "payments", "sellers"}
THEIRS = ("django.core.exceptions", "django.conf.global_settings", "psycopg", "aiohttp", "yarl")


def start(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
    importlib.import_module("marketplace.settings")


def ended(environment: dict[str, str]) -> tuple[int, str]:
    """How it ended, and what it said."""
    with tempfile.TemporaryFile("w+") as said:
        child = os.fork()
        if not child:
            os.dup2(said.fileno(), sys.stderr.fileno())
            try:
                start(environment)
            except BaseException:
                traceback.print_exc()
                sys.stderr.flush()
                os._exit(1)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        said.seek(0)
        return os.waitstatus_to_exitcode(status), said.read()


def main() -> None:
    for name in THEIRS:
        importlib.import_module(name)
    for line in sys.stdin:
        assert not OURS & sys.modules.keys()
        print(json.dumps(ended(json.loads(line))), flush=True)


if __name__ == "__main__":
    main()
