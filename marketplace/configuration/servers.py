"""Where data and messages are: the URLs of PostgreSQL and of the broker."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from marketplace.configuration.readers import has_good_port, read, wrong
from payments.database.line import signs_of_life

BROKERS = ("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "filesystem")
BROKER_SECONDS = 3.0  # a page rings, too, and somebody waits for it


def read_database(name: str, default: str, *, pool_max: int) -> dict[str, Any]:
    """A PostgreSQL URL; `?host=/folder` names a Unix socket."""
    parts = urlsplit(read_database_url(name, default))
    query: dict[str, Any] = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    # Every page is served by a thread of its own: without a pool, a burst of visitors takes all
    # the connections that the server has, the worker's and the door's too.
    pool = {"pool": {"min_size": 0, "max_size": pool_max, "timeout": 4}} if pool_max else {}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": signs_of_life() | query | pool,
    }


def read_database_url(name: str, default: str) -> str:
    """The URL as it is given, once it could name a database; its password is never shown."""
    value = read(name, default)
    scheme, _, rest = value.partition("://")
    named = scheme in {"postgres", "postgresql"} and has_good_port(value)
    if not named or not urlsplit(value).path.strip("/"):
        shown = f"{scheme}://…" if rest else scheme
        raise wrong(name, shown, "postgresql://user:password@host:5432/name")
    return value


def read_broker(name: str, default: str) -> str:
    value = read(name, default)
    scheme, _, rest = value.partition("://")
    if scheme not in BROKERS or (not rest and scheme != "filesystem"):
        shown = f"{scheme}://…" if rest else scheme
        raise wrong(name, shown, "redis://host:6379/0, or filesystem:// on one machine")
    return value


def broker_options(url: str) -> dict[str, Any]:
    """A Redis that vanishes without a word is given up; a worker waits a second for each ring."""
    if not url.startswith(("redis", "sentinel")):
        return {}
    return {
        "socket_connect_timeout": BROKER_SECONDS,
        "socket_timeout": BROKER_SECONDS,
        "socket_keepalive": True,
        "max_retries": 0,  # of one ring; workers and beat come back for as long as it takes
    }
