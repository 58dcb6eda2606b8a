"""Everything an operator can set, in one file.

Readers on top fail at start with the name, the value and what was expected. A secret may be
given as `NAME` or, better, as `NAME_FILE`: the path of a file that holds it.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import re
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from payments.x402.facilitation import BadHeaders, check_headers
from payments.x402.networks import ADDRESS, DEFAULT_ASSETS, NETWORKS

BASE_DIR = Path(__file__).resolve().parent.parent
STATE_DIR = BASE_DIR / ".souk"


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
BROKERS = ("redis", "rediss", "redis+socket", "sentinel", "amqp", "amqps", "filesystem")


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
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise ImproperlyConfigured(
            f"{name}={path!r} cannot be read ({why}); expected a readable file."
        ) from None


def wrong(name: str, value: str, expected: str) -> ImproperlyConfigured:
    return ImproperlyConfigured(f"{name}={value!r} is not valid; expected {expected}.")


def read_bool(name: str, *, default: bool) -> bool:
    value = read(name, "1" if default else "0").lower()
    if value in {"1", "true", "yes", "on"}:
        return True
    if value in {"0", "false", "no", "off", ""}:
        return False
    raise wrong(name, value, "1 or 0")


def read_int(name: str, default: int, least: int = 0) -> int:
    value = read(name, str(default))
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if number < least:
        raise wrong(name, value, f"a whole number, {least} or more")
    return number


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


def read_seconds(name: str, default: str) -> float:
    return float(read_decimal(name, default, "seconds as a decimal number, such as 2.5"))


def read_list(name: str, default: str = "") -> list[str]:
    return [part.strip() for part in read(name, default).split(",") if part.strip()]


def read_origin(name: str, default: str) -> str:
    """Scheme, host, port: it stands in receipts and in the pages' policy as it is written here."""
    value = read(name, default).rstrip("/")
    if not ORIGIN.fullmatch(value) or not _has_good_port(value):
        raise wrong(name, value, "an origin such as https://souk.example, without a path")
    return value


def _has_good_port(url: str) -> bool:
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def read_choice(name: str, default: str, choices: tuple[str, ...]) -> str:
    value = read(name, default)
    if value not in choices:
        raise wrong(name, value, " or ".join(choices))
    return value


def read_database_url(name: str, default: str) -> str:
    """The URL as it is given, once it could name a database; its password is never shown."""
    value = read(name, default)
    scheme, _, rest = value.partition("://")
    named = scheme in {"postgres", "postgresql"} and _has_good_port(value)
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


def read_database(name: str, default: str) -> dict[str, Any]:
    """A PostgreSQL URL; `?host=/folder` names a Unix socket."""
    parts = urlsplit(read_database_url(name, default))
    query: dict[str, Any] = {key: values[-1] for key, values in parse_qs(parts.query).items()}
    # Every page is served by a thread of its own: without a pool, a burst of visitors takes all
    # the connections that the server has, the worker's and the door's too.
    pool_max = read_int("DATABASE_SITE_POOL_MAX", 8)
    pool = {"pool": {"min_size": 0, "max_size": pool_max, "timeout": 10}} if pool_max else {}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.pop("host", parts.hostname or ""),
        "PORT": str(parts.port or query.pop("port", "")),
        "CONN_MAX_AGE": 0,
        "CONN_HEALTH_CHECKS": True,
        "OPTIONS": query | pool,
    }


# Where this process stands ---------------------------------------------------------------------

DEVELOPMENT = read_bool("SOUK_DEBUG", default=False)
DEBUG = False  # Django's: its error pages show settings, and its log of queries grows for ever
SURFACE = read_choice("SOUK_SURFACE", "all", ("all", "door", "site"))
PUBLIC_BASE_URL = read_origin("PUBLIC_BASE_URL", "http://127.0.0.1:8402")
CALL_BASE_URL = read_origin("CALL_BASE_URL", PUBLIC_BASE_URL)
# Django's own admin, to look only; behind the same sign-in and second factor as every staff page.
ADMIN_PAGES = read_bool("SOUK_ADMIN_PAGES", default=DEVELOPMENT)
SITE_NAME = read("SOUK_SITE_NAME", "Souk")
OPERATOR_EMAIL = read("SOUK_OPERATOR_EMAIL", "operator@localhost")
PROXY_HOPS = read_int("SOUK_PROXY_HOPS", 0)  # proxies of ours that write X-Forwarded-For

SECRET_KEY = read("SECRET_KEY", "only-for-development" if DEVELOPMENT else "")
if not SECRET_KEY:
    raise ImproperlyConfigured(
        "SECRET_KEY is missing; expected 50 random characters in SECRET_KEY_FILE (or SOUK_DEBUG=1 "
        "on a laptop). Without any setting, commands speak to the demo that runs in this checkout, "
        "and none is ready: start it with python3 manage.py demo."
    )
RECEIPT_KEY = read("RECEIPT_KEY", "")  # PEM, Ed25519; only the worker signs with it
RECEIPT_PUBLIC_KEY = read("RECEIPT_PUBLIC_KEY", "")  # for processes without RECEIPT_KEY
SELLER_SECRETS_KEYS = read_list("SELLER_SECRETS_KEYS")  # Fernet keys, newest first

# Data, messages ---------------------------------------------------------------------------------

DATABASE_IS_GIVEN = bool(read("DATABASE_URL"))  # else `demo` brings a PostgreSQL of its own
DATABASES = {"default": read_database("DATABASE_URL", "postgresql:///souk")}
DATABASE_URL = read_database_url("DATABASE_URL", "postgresql:///souk")
DATABASE_DIRECT_URL = read_database_url("DATABASE_DIRECT_URL", DATABASE_URL)
DATABASE_POOL_MAX = read_int("DATABASE_POOL_MAX", 8, least=1)

CELERY_BROKER_URL = read_broker("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0")
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = {}
if CELERY_BROKER_URL.startswith("filesystem:"):
    MESSAGES_DIR = Path(read("SOUK_MESSAGES_DIR", str(STATE_DIR / "messages")))
    for _folder in ("queue", "control"):
        (MESSAGES_DIR / _folder).mkdir(parents=True, exist_ok=True)
    CELERY_BROKER_TRANSPORT = "marketplace.embedded.messages:Transport"
    CELERY_BROKER_TRANSPORT_OPTIONS = {
        "data_folder_in": str(MESSAGES_DIR / "queue"),
        "data_folder_out": str(MESSAGES_DIR / "queue"),
        "control_folder": str(MESSAGES_DIR / "control"),
        "processed_folder": str(MESSAGES_DIR / "done"),
        "store_processed": False,
    }

# Letters: the way back in for a lost password; nothing else is ever sent.
EMAIL_HOST = read("EMAIL_HOST", "")
EMAIL_PORT = read_int("EMAIL_PORT", 587, least=1)
EMAIL_HOST_USER = read("EMAIL_HOST_USER", "")
EMAIL_HOST_PASSWORD = read("EMAIL_HOST_PASSWORD", "")
EMAIL_SECURITY = read_choice("EMAIL_SECURITY", "starttls", ("starttls", "tls", "none"))
EMAIL_USE_TLS, EMAIL_USE_SSL = EMAIL_SECURITY == "starttls", EMAIL_SECURITY == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = read("EMAIL_FROM", OPERATOR_EMAIL)
SENDS_MAIL = bool(EMAIL_HOST) or DEVELOPMENT
if not EMAIL_HOST:  # on a laptop a letter is a file
    EMAIL_FILE_PATH = str(STATE_DIR / "letters")
    _backend = "filebased" if DEVELOPMENT else "dummy"
    EMAIL_BACKEND = f"django.core.mail.backends.{_backend}.EmailBackend"

# Chains -----------------------------------------------------------------------------------------

MULTICALL = "0xcA11bde05977b3631167028862bE2a173976CA11"
CHAIN_DEFAULTS: dict[str, Any] = {
    "RPC": [],
    "WEBSOCKET": "",
    "ASSETS": [],  # addresses; by default the network's known dollar
    "SETTLE": "relayer",  # or "facilitator"
    "FACILITATORS": [],  # in the order in which they are asked
    "RELAYER_KEYS": [],
    "RELAYER_KEY_FILES": [],
    "CONFIRMATIONS": 12,
    "PRICE_FLOOR": "0.001",  # dollars; about twice the gas of one batched payment
    "FEE_CAP_GWEI": 50,
    "SELLER_GAS_DAY_WEI": 10**17,  # gas spent for one seller in a day; 0 is no cap
    "BATCH_MAX": 200,
    "HEAD_POLL_MS": 500,
    "BLOCK_SECONDS": 12.0,
    "MULTICALL": MULTICALL,
    "AGREE_ABOVE": "100",  # dollars; from here on two configured endpoints must agree
}
CHAIN_PRESETS: dict[str, dict[str, Any]] = {
    "eip155:8453": {"CONFIRMATIONS": 10, "FEE_CAP_GWEI": 5, "BLOCK_SECONDS": 2.0},
    "eip155:84532": {"CONFIRMATIONS": 5, "FEE_CAP_GWEI": 5, "BLOCK_SECONDS": 2.0},
    "eip155:1": {"CONFIRMATIONS": 12, "PRICE_FLOOR": "0.50", "FEE_CAP_GWEI": 100},
    "eip155:137": {"CONFIRMATIONS": 60, "FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 2.0},
    "eip155:42161": {"CONFIRMATIONS": 20, "FEE_CAP_GWEI": 5, "BLOCK_SECONDS": 0.25},
    "eip155:421614": {"CONFIRMATIONS": 20, "FEE_CAP_GWEI": 5, "BLOCK_SECONDS": 0.25},
    "eip155:43114": {"CONFIRMATIONS": 5, "FEE_CAP_GWEI": 100, "BLOCK_SECONDS": 2.0},
    # Chains whose gas costs many gwei of a cheap coin. An operator looks the numbers up again.
    "eip155:143": {"FEE_CAP_GWEI": 1_000, "BLOCK_SECONDS": 0.5},
    "eip155:10143": {"FEE_CAP_GWEI": 1_000, "BLOCK_SECONDS": 0.5},
    "eip155:42220": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 1.0},
    "eip155:11142220": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 1.0},
    "eip155:1329": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 0.5},
    "eip155:1328": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 0.5},
    "eip155:50": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 2.0},
    "eip155:51": {"FEE_CAP_GWEI": 500, "BLOCK_SECONDS": 2.0},
    "eip155:14": {"FEE_CAP_GWEI": 1_000, "BLOCK_SECONDS": 2.0},
}
_CHAIN_NUMBERS = {  # the least each may be
    "CONFIRMATIONS": 1, "PRICE_FLOOR": 0, "FEE_CAP_GWEI": 0, "SELLER_GAS_DAY_WEI": 0,
    "BATCH_MAX": 1, "HEAD_POLL_MS": 10, "BLOCK_SECONDS": 0, "AGREE_ABOVE": 0,
}  # fmt: skip
_CHAIN_WHOLE = {"CONFIRMATIONS", "SELLER_GAS_DAY_WEI", "BATCH_MAX", "HEAD_POLL_MS"}


def read_chains(name: str, default: str) -> dict[str, dict[str, Any]]:
    """`{"eip155:8453": {"RPC": ["https://…"], "RELAYER_KEY_FILES": ["/run/secrets/relayer"]}}`."""
    value = read(name, default)
    try:
        given = json.loads(value)
    except ValueError:
        raise wrong(
            name, value[:40], "JSON: an object of networks, as docs/operate.md shows"
        ) from None
    if not isinstance(given, dict):
        raise wrong(name, value[:40], "a JSON object keyed by network, such as eip155:8453")
    return {network: _chain(name, network, entry) for network, entry in given.items()}


def _chain(name: str, network: str, entry: Any) -> dict[str, Any]:
    if network not in NETWORKS:
        known = ", ".join(sorted(NETWORKS))
        raise wrong(name, network, f"one of the networks {known}")
    if not isinstance(entry, dict) or not set(entry) <= set(CHAIN_DEFAULTS):
        unknown = sorted(set(entry) - set(CHAIN_DEFAULTS)) if isinstance(entry, dict) else entry
        raise wrong(f"{name}[{network}]", str(unknown), f"keys among {sorted(CHAIN_DEFAULTS)}")
    chain = {**CHAIN_DEFAULTS, **CHAIN_PRESETS.get(network, {}), **entry}
    rpc = chain["RPC"]
    if not isinstance(rpc, list) or not rpc or not all(_is_url(url, "http") for url in rpc):
        raise wrong(f"{name}[{network}][RPC]", "…", "a list of http(s) URLs, one at least")
    if chain["WEBSOCKET"] and not _is_url(chain["WEBSOCKET"], "ws"):
        raise wrong(f"{name}[{network}][WEBSOCKET]", "…", "a ws(s) URL, or nothing")
    for key, least in _CHAIN_NUMBERS.items():
        _check_number(f"{name}[{network}][{key}]", chain[key], least, whole=key in _CHAIN_WHOLE)
    for key in ("RELAYER_KEYS", "RELAYER_KEY_FILES", "ASSETS"):
        if not isinstance(chain[key], list) or not all(isinstance(v, str) for v in chain[key]):
            raise wrong(f"{name}[{network}][{key}]", "…", "a list of texts")
    for key, addresses in (("ASSETS", chain["ASSETS"]), ("MULTICALL", [chain["MULTICALL"]])):
        for address in addresses:
            if not isinstance(address, str) or not ADDRESS.fullmatch(address):
                expected = "an address: 0x and 40 hexadecimal digits"
                raise wrong(f"{name}[{network}][{key}]", str(address), expected)
    if chain["SETTLE"] not in ("relayer", "facilitator"):
        raise wrong(f"{name}[{network}][SETTLE]", str(chain["SETTLE"]), "relayer or facilitator")
    chain["FACILITATORS"] = _facilitators(f"{name}[{network}][FACILITATORS]", chain)
    if not chain["ASSETS"]:
        chain["ASSETS"] = [a.address for a in DEFAULT_ASSETS if a.network == network]
    if not chain["ASSETS"]:
        raise wrong(f"{name}[{network}][ASSETS]", "[]", "the address of an EIP-3009 token we know")
    return chain


FACILITATOR_DEFAULTS: dict[str, Any] = {"URL": "", "NAME": "", "HEADERS": {}, "HEADERS_FILE": ""}
_FACILITATOR_NAME = re.compile(r"[][A-Za-z0-9.:_-]{1,80}")


def _facilitators(name: str, chain: dict[str, Any]) -> list[dict[str, Any]]:
    """`[{"URL": "https://facilitator.example", "HEADERS_FILE": "/run/secrets/facilitator"}]`."""
    given = chain["FACILITATORS"]
    if not isinstance(given, list) or bool(given) != (chain["SETTLE"] == "facilitator"):
        raise wrong(name, "…", "a list of one or more, with SETTLE facilitator, and else none")
    entries = [_facilitator(f"{name}[{place}]", entry) for place, entry in enumerate(given)]
    names = [entry["NAME"] for entry in entries]
    if len(set(names)) < len(names):
        raise wrong(name, ", ".join(names), "a NAME of its own for each; the host is the default")
    return entries


def _facilitator(name: str, entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or not set(entry) <= set(FACILITATOR_DEFAULTS):
        unknown = sorted(set(entry) - set(FACILITATOR_DEFAULTS)) if isinstance(entry, dict) else "…"
        raise wrong(name, str(unknown), f"keys among {sorted(FACILITATOR_DEFAULTS)}")
    facilitator = {**FACILITATOR_DEFAULTS, **entry}
    host = _plain_host(f"{name}[URL]", facilitator["URL"])
    facilitator["NAME"] = facilitator["NAME"] or host
    if not isinstance(facilitator["NAME"], str) or not _FACILITATOR_NAME.fullmatch(
        facilitator["NAME"]
    ):
        raise wrong(f"{name}[NAME]", str(facilitator["NAME"]), "up to 80 of A-Z a-z 0-9 . : _ -")
    if not isinstance(facilitator["HEADERS_FILE"], str):
        raise wrong(f"{name}[HEADERS_FILE]", "…", "the path of a file")
    if facilitator["HEADERS"] and facilitator["HEADERS_FILE"]:
        raise wrong(name, "HEADERS, HEADERS_FILE", "one of the two")
    try:
        check_headers(facilitator["HEADERS"])
    except BadHeaders as bad:
        raise wrong(f"{name}[HEADERS]", "…", f"headers by path ({bad})") from None
    return facilitator


def _plain_host(name: str, url: Any) -> str:
    """Host and port of a URL to which only paths are added."""
    parts = urlsplit(url) if _is_url(url, "http") else urlsplit("")
    extra = parts.query or parts.fragment or "@" in parts.netloc
    if not parts.hostname or extra or not re.fullmatch(r"[\x21-\x7e]+", url):
        raise wrong(name, "…", "an http(s) URL without user name, query and fragment")
    return parts.netloc


def _check_number(name: str, value: Any, least: int, *, whole: bool) -> None:
    try:
        number = Decimal(str(value))
        fits = number.is_finite() and number >= least and (not whole or number == int(number))
    except InvalidOperation:
        fits = False
    if not fits or isinstance(value, bool):
        kind = "a whole number" if whole else "a number"
        raise wrong(name, str(value), f"{kind}, {least} or more")


def _is_url(url: Any, scheme: str) -> bool:
    if not isinstance(url, str) or not _has_good_port(url):
        return False
    parts = urlsplit(url)
    return parts.scheme in {scheme, f"{scheme}s"} and bool(parts.hostname)


CHAINS = read_chains("CHAINS", "{}")
DEMO_CHAIN_RPC = read("SOUK_DEMO_CHAIN_RPC", "")  # set by `demo`: the embedded chain it started
ANVIL_BIN = read("ANVIL_BIN", "")

# Outbound calls ----------------------------------------------------------------------------------

EGRESS_ALLOW = read_list("SOUK_EGRESS_ALLOW")  # "127.0.0.0/8:9999": the only private exceptions
if EGRESS_ALLOW:  # what reads them brings the HTTP client along, which commands can do without
    from payments.egress import parse_allowance

    for _allowed in EGRESS_ALLOW:
        try:
            parse_allowance(_allowed)
        except ValueError:
            raise wrong(
                "SOUK_EGRESS_ALLOW", _allowed, "NETWORK/BITS:PORT, such as 10.1.2.0/24:8443"
            ) from None
EGRESS_ALLOW_IN_PRODUCTION = read_bool("SOUK_EGRESS_ALLOW_IN_PRODUCTION", default=False)
if EGRESS_ALLOW and not DEVELOPMENT and not EGRESS_ALLOW_IN_PRODUCTION:
    raise wrong(
        "SOUK_EGRESS_ALLOW",
        ",".join(EGRESS_ALLOW),
        "nothing when SOUK_DEBUG is off (SOUK_EGRESS_ALLOW_IN_PRODUCTION=1 says you mean it)",
    )
DENY_ADDRESSES = read("SOUK_DENY_ADDRESSES", "")  # a file of addresses, one a line; reloaded

CANARY_ADDRESSES = read_list("SOUK_CANARY_ADDRESSES")  # wallets of your own trial calls
if _odd := [each for each in CANARY_ADDRESSES if not ADDRESS.fullmatch(each)]:
    raise wrong("SOUK_CANARY_ADDRESSES", _odd[0], "addresses: 0x and 40 hexadecimal digits each")

# Limits: everything has one -----------------------------------------------------------------------

HEADER_BYTES_MAX = read_int("SOUK_HEADER_BYTES_MAX", 32_768, least=8_192)
REQUEST_BODY_BYTES_MAX = read_int("SOUK_REQUEST_BODY_BYTES_MAX", 1_000_000, least=1)
REQUEST_BODY_SECONDS = read_seconds("SOUK_REQUEST_BODY_SECONDS", "20")
BODIES_ARRIVING_MAX = read_int("SOUK_BODIES_ARRIVING_MAX", 400, least=1)
ANSWER_BYTES_MAX = read_int("SOUK_ANSWER_BYTES_MAX", 10_000_000, least=1)
UPSTREAM_CONNECT_SECONDS = read_seconds("SOUK_UPSTREAM_CONNECT_SECONDS", "5")
UPSTREAM_FIRST_BYTE_SECONDS = read_seconds("SOUK_UPSTREAM_FIRST_BYTE_SECONDS", "60")
UPSTREAM_TOTAL_SECONDS = read_seconds("SOUK_UPSTREAM_TOTAL_SECONDS", "90")
UPSTREAM_CONNECTIONS_MAX = read_int("SOUK_UPSTREAM_CONNECTIONS_MAX", 200, least=1)
CALLS_IN_FLIGHT_MAX = read_int("SOUK_CALLS_IN_FLIGHT_MAX", 1_000, least=1)
LISTING_IN_FLIGHT_MAX = read_int("SOUK_LISTING_IN_FLIGHT_MAX", 200, least=1)
STREAM_STALL_SECONDS = read_seconds("SOUK_STREAM_STALL_SECONDS", "20")
HOLD_WAIT_SECONDS = read_seconds("HOLD_WAIT_SECONDS", "20")
LEASE_SECONDS = read_seconds("SOUK_LEASE_SECONDS", "10")
LEASE_RENEW_SECONDS = read_seconds("SOUK_LEASE_RENEW_SECONDS", "3")
JOIN_SECONDS = read_seconds("SOUK_JOIN_SECONDS", "600")
MAX_TIMEOUT_SECONDS = read_int("SOUK_MAX_TIMEOUT_SECONDS", 300, least=60)
SETTLE_MARGIN_SECONDS = read_int("SOUK_SETTLE_MARGIN_SECONDS", 30, least=0)
EXPOSURE_PAYER = read_dollars("SOUK_EXPOSURE_PAYER", "100")  # dollars out and not yet settled
EXPOSURE_LISTING = read_dollars("SOUK_EXPOSURE_LISTING", "1000")
EXPOSURE_SITE = read_dollars("SOUK_EXPOSURE_SITE", "10000")
EXPOSURE_SITE_SLICES = read_int("SOUK_EXPOSURE_SITE_SLICES", 8, least=1)
INSTANT_PRICE_MAX = read_dollars("SOUK_INSTANT_PRICE_MAX", "0.10")  # the dearest instant call
INSTANT_PAYER = read_dollars("SOUK_INSTANT_PAYER", "1")  # dollars answered before they are paid
INSTANT_LISTING = read_dollars("SOUK_INSTANT_LISTING", "10")
INSTANT_SITE = read_dollars("SOUK_INSTANT_SITE", "100")
INSTANT_LOSS_SECONDS = read_int("SOUK_INSTANT_LOSS_SECONDS", 86_400, least=60)
STREAMS_MAX = read_int("SOUK_STREAMS_MAX", 500)  # open pages that are told of changes, per process
SHELF_MAX = read_int("SHELF_MAX", 20_000, least=1)
SHELF_REFRESH_SECONDS = read_seconds("SOUK_SHELF_REFRESH_SECONDS", "0.25")
ANSWER_KEEP_DAYS = read_int("ANSWER_KEEP_DAYS", 7, least=1)
LOOKS_HOUR_MAX = read_int("SOUK_LOOKS_HOUR_MAX", 60, least=1)  # at upstreams, for one seller
PAYOUT_COOLDOWN_SECONDS = read_int("SOUK_PAYOUT_COOLDOWN_SECONDS", 86_400)
PRICE_GRACE_SECONDS = read_int("SOUK_PRICE_GRACE_SECONDS", 300, least=0)
WEBHOOKS_PER_SELLER_MAX = read_int("SOUK_WEBHOOKS_PER_SELLER_MAX", 10, least=1)
WEBHOOK_SECONDS = read_seconds("SOUK_WEBHOOK_SECONDS", "10")
WEBHOOK_ENDPOINT_IN_FLIGHT_MAX = read_int("SOUK_WEBHOOK_ENDPOINT_IN_FLIGHT_MAX", 4, least=1)
WEBHOOK_IN_FLIGHT_MAX = read_int("SOUK_WEBHOOK_IN_FLIGHT_MAX", 100, least=1)
WEBHOOK_RETRY_HOURS = read_int("SOUK_WEBHOOK_RETRY_HOURS", 24, least=1)
WEBHOOK_OVERLAP_HOURS = read_int("SOUK_WEBHOOK_OVERLAP_HOURS", 24, least=1)
DELIVERY_KEEP_DAYS = read_int("SOUK_DELIVERY_KEEP_DAYS", 30, least=1)
API_KEYS_PER_SELLER_MAX = read_int("SOUK_API_KEYS_PER_SELLER_MAX", 20, least=1)
API_KEY_KEEP_DAYS = read_int("SOUK_API_KEY_KEEP_DAYS", 30, least=1)
API_CALLS_PER_MINUTE = read_int("SOUK_API_CALLS_PER_MINUTE", 600, least=1)
PROBE_SECONDS = read_int("SOUK_PROBE_SECONDS", 600, least=60)
PROBE_FAILURES_MAX = read_int("SOUK_PROBE_FAILURES_MAX", 5, least=1)
PROBE_KEEP_DAYS = read_int("SOUK_PROBE_KEEP_DAYS", 30, least=1)
RPC_TIMEOUT_SECONDS = read_seconds("SOUK_RPC_TIMEOUT_SECONDS", "5")
RPC_RESPONSE_BYTES_MAX = read_int("SOUK_RPC_RESPONSE_BYTES_MAX", 20_000_000, least=1_000)
FACILITATOR_SETTLE_SECONDS = read_seconds("SOUK_FACILITATOR_SETTLE_SECONDS", "90")
if FACILITATOR_SETTLE_SECONDS > 90:  # what the official clients wait
    raise wrong("SOUK_FACILITATOR_SETTLE_SECONDS", f"{FACILITATOR_SETTLE_SECONDS}", "90 or less")
FACILITATOR_ASK_SECONDS = read_seconds("SOUK_FACILITATOR_ASK_SECONDS", "5")
FACILITATOR_POLL_SECONDS = read_seconds("SOUK_FACILITATOR_POLL_SECONDS", "15")
FACILITATOR_ANSWER_BYTES_MAX = read_int("SOUK_FACILITATOR_ANSWER_BYTES_MAX", 200_000, least=1_000)
FACILITATOR_IN_FLIGHT_MAX = read_int("SOUK_FACILITATOR_IN_FLIGHT_MAX", 64, least=1)
STUCK_SECONDS = read_seconds("SOUK_STUCK_SECONDS", "30")  # then the fee is bumped
GAS_DAYS_WARN = read_int("SOUK_GAS_DAYS_WARN", 3)
RELAYER_LOW_WEI = read_int("SOUK_RELAYER_LOW_WEI", 10**15)
HEAD_STALE_SECONDS = read_seconds("SOUK_HEAD_STALE_SECONDS", "60")
SIGN_IN_TRIES = read_int("SOUK_SIGN_IN_TRIES", 10, least=1)  # of one name, from one network
SIGN_IN_SECONDS = read_int("SOUK_SIGN_IN_SECONDS", 900, least=1)
SIGN_UPS_MAX = read_int("SOUK_SIGN_UPS_MAX", 20, least=1)  # new accounts from one network
LETTERS_MAX = read_int("SOUK_LETTERS_MAX", 3, least=1)  # to one address
PASSWORD_RESET_TIMEOUT = read_int("SOUK_RESET_SECONDS", 3_600, least=60)
SESSION_COOKIE_AGE = 86_400 * read_int("SOUK_SESSION_DAYS", 14, least=1)

# Django -----------------------------------------------------------------------------------------

_host = urlsplit(PUBLIC_BASE_URL).hostname or ""
_call_host = urlsplit(CALL_BASE_URL).hostname or ""
# Loopback, because a container's health check and an operator's curl name nothing else. Nothing
# we write is made of what a request calls us.
ALLOWED_HOSTS = sorted(
    {_host, _call_host, "127.0.0.1", "localhost", "[::1]", *read_list("SOUK_ALLOWED_HOSTS")}
)
ROOT_URLCONF = "marketplace.urls"
ASGI_APPLICATION = "marketplace.asgi.application"
APPEND_SLASH = False  # a redirect would drop a payment header on its way
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en"
USE_I18N = False
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

INSTALLED_APPS = [
    "marketplace.apps.AdminPagesConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "django_htmx",
    "payments.apps.PaymentsConfig",
    "sellers.apps.SellersConfig",
    "marketplace.accounts.apps.AccountsConfig",
    "marketplace.apps.MarketplaceConfig",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "marketplace.csp.ContentSecurityPolicy",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "marketplace.accounts.middleware.Visits",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "marketplace.views.site",
            ]
        },
    }
]
STATIC_URL = "/static/"
# Served from where they are, so that nothing has to be collected first; and nothing but ours,
# because the pages' policy trusts whatever stands there.
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_FINDERS = ["django.contrib.staticfiles.finders.FileSystemFinder"]
if ADMIN_PAGES:  # whose style and scripts stand in its own package
    STATICFILES_FINDERS.append("django.contrib.staticfiles.finders.AppDirectoriesFinder")
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = DEVELOPMENT
WHITENOISE_MAX_AGE = 0 if DEVELOPMENT else 60  # seconds a page may lag behind an upgrade
REST_FRAMEWORK = {
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "DEFAULT_PERMISSION_CLASSES": [],
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "sellers.api.problems.answer",
}
SPECTACULAR_SETTINGS = {
    "TITLE": f"{SITE_NAME}: API for sellers",
    "DESCRIPTION": "What a seller does on pages, for programs. Keys are made at /sell/keys.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": "/api/sell",
    "SERVERS": [{"url": PUBLIC_BASE_URL}],
}

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
LOGIN_URL = "account-sign-in"
SESSION_ENGINE = "marketplace.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
_JUDGES = "django.contrib.auth.password_validation"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"{_JUDGES}.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
    {"NAME": f"{_JUDGES}.UserAttributeSimilarityValidator"},
    {"NAME": f"{_JUDGES}.CommonPasswordValidator"},
    {"NAME": f"{_JUDGES}.NumericPasswordValidator"},
]
CSRF_FAILURE_VIEW = "marketplace.problems.forged"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # no cookie of its own
SILENCED_SYSTEM_CHECKS = [
    "security.W005",  # a domain's other names are the operator's to bind, not ours
    "security.W008",  # the proxy redirects; a redirect here would swallow payments
    "security.W021",  # nor is it ours to have them preloaded
]
if not DEVELOPMENT:
    SECURE_HSTS_SECONDS = 31_536_000
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOG_LEVEL = read_choice("SOUK_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
    "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["console"], "level": LOG_LEVEL},
}
