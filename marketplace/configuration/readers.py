"""How a setting is read: nothing else looks at the environment.

A wrong value fails at start, with its name, the value and what was expected.

A secret may be given as `NAME` or, better, as `NAME_FILE`: the path of a file that holds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from datetime import date
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from payments.x402.networks import ADDRESS

BASE_DIR = Path(__file__).resolve().parent.parent.parent
STATE_DIR = BASE_DIR / ".souk"
# manage.py says no for buyers' commands. No variable does: what serves could inherit it.
NEEDS_INSTALLATION = True


def settings_of_running_demo() -> dict[str, str]:
    """What the demo of this checkout runs with, so that commands typed beside it find it.

    Read only where nothing says which installation is meant. A demo holds its lock while it
    runs, so what a stopped or killed one left behind is never believed.
    """
    if {"SECRET_KEY", "SECRET_KEY_FILE", "SOUK_DEBUG"} & os.environ.keys():
        return {}
    try:
        with (STATE_DIR / "demo.lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        return {}
    except BlockingIOError:
        with contextlib.suppress(OSError, ValueError, KeyError):  # it is still starting
            record = (STATE_DIR / "run.json").read_text(encoding="utf-8")
            return dict(json.loads(record)["environment"])
    except OSError:
        pass
    return {}


SOURCES = (os.environ, settings_of_running_demo())
SECRET_FILES: dict[str, str] = {}  # which file each value came from, for `doctor`
ORIGIN = re.compile(r"https?://([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]+)?")
NUMBER_MAX = 10**15  # dollars or seconds: more than anybody has


def read(name: str, default: str = "") -> str:
    """One value, from NAME or from the file that NAME_FILE names."""
    for source in SOURCES:
        if path := source.get(f"{name}_FILE"):
            SECRET_FILES[name] = path
            return read_file(f"{name}_FILE", path)
        if name in source:
            return source[name]
    return default


def read_file(name: str, path: str) -> str:
    """What a file holds, without the end of its last line."""
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ImproperlyConfigured(
            f"{name}={path!r} cannot be read ({why}); expected a readable file."
        ) from None


def wrong(name: str, value: str, expected: str) -> ImproperlyConfigured:
    """The error that names a setting, its value and what was expected."""
    return ImproperlyConfigured(f"{name}={value!r} is not valid; expected {expected}.")


def read_bool(name: str, *, default: bool) -> bool:
    value = read(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise wrong(name, value, "1 or 0")


def read_int(name: str, default: int, least: int = 0, most: int = NUMBER_MAX) -> int:
    value = read(name, str(default))
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        upper = f", {most} or less" if most < NUMBER_MAX else ""
        raise wrong(name, value, f"a whole number, {least} or more{upper}")
    return number


def read_room(name: str, default: int, *, one_most: int) -> int:
    """Bytes for many of something, of which whoever takes most must leave as much for others."""
    least = 2 * one_most
    room = read_int(name, max(default, least))
    if room < least:
        raise wrong(name, str(room), f"{least} or more, which is twice as much as one may take")
    return room


def read_decimal(name: str, default: str, expected: str) -> Decimal:
    value = read(name, default)
    try:
        number = Decimal(value)
    except InvalidOperation:
        number = Decimal(-1)
    if not number.is_finite() or not 0 <= number <= NUMBER_MAX:
        raise wrong(name, value, expected)
    return number


def read_dollars(name: str, default: str) -> Decimal:
    return read_decimal(name, default, "dollars as a decimal number, such as 0.50")


def read_seconds(name: str, default: str, *, least: float = 0, most: float = NUMBER_MAX) -> float:
    expected = "seconds as a decimal number, such as 2.5"
    expected += f", {least:g} or more" if least else ""
    expected += f", {most:g} or less" if most < NUMBER_MAX else ""
    seconds = float(read_decimal(name, default, expected))
    if not least <= seconds <= most:
        raise wrong(name, f"{seconds:g}", expected)
    return seconds


def read_day(name: str, default: str) -> date:
    value = read(name, default)
    try:
        return date.fromisoformat(value)
    except ValueError:
        raise wrong(name, value, "a day such as 2026-11-29") from None


def read_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in read(name, default).split(",") if part.strip()]


def read_wallets(name: str) -> list[str]:
    wallets = read_list(name)
    if odd := [each for each in wallets if not ADDRESS.fullmatch(each)]:
        raise wrong(name, odd[0], "addresses: 0x and 40 hexadecimal digits each")
    return wallets


def read_origin(name: str, default: str) -> str:
    """Scheme, host, port: it stands in receipts and in the pages' policy as it is written here."""
    value = read(name, default).rstrip("/")
    if not ORIGIN.fullmatch(value) or not has_good_port(value):
        raise wrong(name, value, "an origin such as https://souk.example, without a path")
    return value


def read_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    value = read(name, default)
    if value not in choices:
        raise wrong(name, value, " or ".join(choices))
    return value


def has_good_port(url: str) -> bool:
    """Whether a URL names no port, or one that can be."""
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def is_url(url: Any, scheme: str) -> bool:
    """Whether it is a URL of this scheme, or of the one with TLS."""
    if not isinstance(url, str) or not has_good_port(url):
        return False
    parts = urlsplit(url)
    return parts.scheme in {scheme, f"{scheme}s"} and bool(parts.hostname)
