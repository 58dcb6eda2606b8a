"""Everything an operator can set, in one file.

Each value is read by one of `marketplace.configuration`; a wrong one fails at start.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

from marketplace.configuration import framework, readers
from marketplace.configuration.chains import read_chains
from marketplace.configuration.outbound import read_addresses, read_allowances
from marketplace.configuration.readers import (
    read,
    read_bool,
    read_choice,
    read_day,
    read_dollars,
    read_int,
    read_list,
    read_origin,
    read_room,
    read_seconds,
    read_wallets,
    wrong,
)
from marketplace.configuration.servers import (
    broker_options,
    read_broker,
    read_database,
    read_database_url,
)

BASE_DIR, STATE_DIR = readers.BASE_DIR, readers.STATE_DIR
SECRET_FILES = readers.SECRET_FILES  # which file each value came from, for `doctor`

# Where this process stands ---------------------------------------------------------------------

DEVELOPMENT = read_bool("SOUK_DEBUG", default=False)
DEBUG = False  # Django's: its error pages show settings, and its log of queries grows for ever
SURFACE = read_choice("SOUK_SURFACE", "all", ("all", "door", "site"))
PUBLIC_BASE_URL = read_origin("PUBLIC_BASE_URL", "http://127.0.0.1:8402")
CALL_BASE_URL = read_origin("CALL_BASE_URL", PUBLIC_BASE_URL)
# Django's own admin, to look only; behind the same sign-in and second factor as every staff page.
ADMIN_PAGES = read_bool("SOUK_ADMIN_PAGES", default=DEVELOPMENT)
SITE_NAME = read("SOUK_SITE_NAME", "Souk")
OPERATOR_EMAIL = read("SOUK_OPERATOR_EMAIL", "operator@localhost")  # agents' documents name it
OPERATOR_EMAIL_IS_GIVEN = OPERATOR_EMAIL != "operator@localhost"
# A folder with imprint.md, privacy.md and terms.md of your own; what is missing is ours.
LEGAL_DIR = read("SOUK_LEGAL_DIR", "")
if LEGAL_DIR and not Path(LEGAL_DIR).is_dir():
    raise wrong("SOUK_LEGAL_DIR", LEGAL_DIR, "a folder with imprint.md, privacy.md and terms.md")
TERMS_DATE = read_day("SOUK_TERMS_DATE", "2026-11-01")  # a new one asks every seller again
PROXY_HOPS = read_int("SOUK_PROXY_HOPS", 0)  # proxies of ours that write X-Forwarded-For

SECRET_KEY = read("SECRET_KEY", "only-for-development" if DEVELOPMENT else "")
if not SECRET_KEY and readers.NEEDS_INSTALLATION:  # left empty, Django refuses each use of it
    raise ImproperlyConfigured(
        "SECRET_KEY is missing; expected 50 random characters in SECRET_KEY_FILE (or SOUK_DEBUG=1 "
        "on a laptop). Without any setting, commands speak to the demo that runs in this checkout, "
        "and none is ready: start it with python3 manage.py demo."
    )
RECEIPT_KEY = read("RECEIPT_KEY", "")  # PEM, Ed25519; only the worker signs with it
RECEIPT_PUBLIC_KEY = read("RECEIPT_PUBLIC_KEY", "")  # for processes without RECEIPT_KEY
SELLER_SECRETS_KEYS = read_list("SELLER_SECRETS_KEYS")  # Fernet keys, newest first
METRICS_TOKEN = read("SOUK_METRICS_TOKEN", "")

# Data, messages ---------------------------------------------------------------------------------

DATABASE_IS_GIVEN = bool(read("DATABASE_URL"))  # else `demo` brings a PostgreSQL of its own
DATABASE_SITE_POOL_MAX = read_int("DATABASE_SITE_POOL_MAX", 8)
DATABASES = {
    "default": read_database("DATABASE_URL", "postgresql:///souk", pool_max=DATABASE_SITE_POOL_MAX)
}
DATABASE_URL = read_database_url("DATABASE_URL", "postgresql:///souk")
DATABASE_DIRECT_URL = read_database_url("DATABASE_DIRECT_URL", DATABASE_URL)
DATABASE_POOL_MAX = read_int("DATABASE_POOL_MAX", 8, least=1)
DATABASE_ANSWER_SECONDS = read_seconds("DATABASE_ANSWER_SECONDS", "5")  # to a call's statement
DATABASE_SETTLING_SECONDS = read_seconds("DATABASE_SETTLING_SECONDS", "30")  # to a settler's

CELERY_BROKER_URL = read_broker("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0")
CELERY_TASK_IGNORE_RESULT = True
# Taken means done with: a ring that a dying worker loses is rung again. A late acknowledgement that
# meets a lost connection would end the worker, and the settling in it.
CELERY_TASK_ACKS_LATE = False
CELERY_BROKER_CONNECTION_MAX_RETRIES = None  # for as long as it takes
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
# Threads that wait, mostly: half of them at most for sellers' endpoints.
CELERY_WORKER_CONCURRENCY = read_int("SOUK_WORKER_THREADS", 16, least=4)
CELERY_TIMEZONE = "UTC"
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_TRANSPORT_OPTIONS: dict[str, Any] = broker_options(CELERY_BROKER_URL)
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

CHAINS = read_chains("CHAINS", "{}")
DEMO_CHAIN_RPC = read("SOUK_DEMO_CHAIN_RPC", "")  # set by `demo`: the embedded chain it started
ANVIL_BIN = read("ANVIL_BIN", "")
GAS_DAYS_WARN = read_int("SOUK_GAS_DAYS_WARN", 3)

# Outbound calls ----------------------------------------------------------------------------------

EGRESS_ALLOW_IN_PRODUCTION = read_bool("SOUK_EGRESS_ALLOW_IN_PRODUCTION", default=False)
# Such as "127.0.0.0/8:9999": the only private addresses that may be called.
EGRESS_ALLOW = read_allowances(
    "SOUK_EGRESS_ALLOW", anywhere=DEVELOPMENT or EGRESS_ALLOW_IN_PRODUCTION
)
# Of a router or load balancer in front; never called, as the site's own names are not.
OWN_ADDRESSES = read_addresses("SOUK_OWN_ADDRESSES")
DENY_ADDRESSES = read("SOUK_DENY_ADDRESSES", "")  # a file of addresses, one a line; reloaded
ASKS_ITSELF = read_bool("SOUK_ASKS_ITSELF", default=True)  # its own addresses, as graders do

CANARY_ADDRESSES = read_wallets("SOUK_CANARY_ADDRESSES")  # wallets of your own trial calls
PREVIEW_WALLETS = read_wallets("SOUK_PREVIEW_WALLETS")  # may pay for everybody's test calls

# Limits: everything has one -----------------------------------------------------------------------

# Requests and what they bring:
HEADER_BYTES_MAX = read_int("SOUK_HEADER_BYTES_MAX", 32_768, least=8_192)
REQUEST_BODY_BYTES_MAX = read_int("SOUK_REQUEST_BODY_BYTES_MAX", 1_000_000, least=1)
REQUEST_BODY_SECONDS = read_seconds("SOUK_REQUEST_BODY_SECONDS", "20", least=0.1)
BODIES_ARRIVING_MAX = read_int("SOUK_BODIES_ARRIVING_MAX", 400, least=1)
MCP_BODY_BYTES_MAX = read_int("SOUK_MCP_BODY_BYTES_MAX", 1_100_000, least=20_000)
MCP_ANSWER_BYTES_MAX = read_int("SOUK_MCP_ANSWER_BYTES_MAX", 1_000_000, least=1_000)
ANSWER_BYTES_MAX = read_int("SOUK_ANSWER_BYTES_MAX", 10_000_000, least=1)
# Twice as much, and the program, fit into a gigabyte of memory.
ANSWERS_IN_HAND_BYTES_MAX = read_room(
    "SOUK_ANSWERS_IN_HAND_BYTES_MAX",
    256_000_000,
    one_most=ANSWER_BYTES_MAX + REQUEST_BODY_BYTES_MAX,
)
BODIES_ARRIVING_BYTES_MAX = read_room(
    "SOUK_BODIES_ARRIVING_BYTES_MAX",
    100_000_000,
    one_most=max(REQUEST_BODY_BYTES_MAX, MCP_BODY_BYTES_MAX),
)

# Calls to sellers:
UPSTREAM_CONNECT_SECONDS = read_seconds("SOUK_UPSTREAM_CONNECT_SECONDS", "5", least=0.1)
UPSTREAM_FIRST_BYTE_SECONDS = read_seconds("SOUK_UPSTREAM_FIRST_BYTE_SECONDS", "60", least=0.1)
UPSTREAM_TOTAL_SECONDS = read_seconds("SOUK_UPSTREAM_TOTAL_SECONDS", "90", least=0.1)
UPSTREAM_CONNECTIONS_MAX = read_int("SOUK_UPSTREAM_CONNECTIONS_MAX", 200, least=1)
CALLS_IN_FLIGHT_MAX = read_int("SOUK_CALLS_IN_FLIGHT_MAX", 1_000, least=1)
LISTING_IN_FLIGHT_MAX = read_int("SOUK_LISTING_IN_FLIGHT_MAX", 200, least=1)
STREAM_STALL_SECONDS = read_seconds("SOUK_STREAM_STALL_SECONDS", "20", least=0.1)
HOLD_WAIT_SECONDS = read_seconds("HOLD_WAIT_SECONDS", "20", least=1)
LEASE_RENEW_SECONDS = read_seconds("SOUK_LEASE_RENEW_SECONDS", "3", least=0.1)
# A call whose lease is not renewed in time is given up while its seller works.
LEASE_SECONDS = read_seconds("SOUK_LEASE_SECONDS", "10", least=2 * LEASE_RENEW_SECONDS)
STOP_SECONDS = read_seconds("SOUK_STOP_SECONDS", "110")  # for calls whose buyers are gone
JOIN_SECONDS = read_seconds("SOUK_JOIN_SECONDS", "600")

# Payments:
SETTLE_MARGIN_SECONDS = read_int("SOUK_SETTLE_MARGIN_SECONDS", 30, least=0)
# No grader takes an offer that lasts longer.
MAX_TIMEOUT_SECONDS = read_int("SOUK_MAX_TIMEOUT_SECONDS", 300, least=60, most=3_600)
EXPOSURE_PAYER = read_dollars("SOUK_EXPOSURE_PAYER", "100")  # dollars out and not yet settled
EXPOSURE_LISTING = read_dollars("SOUK_EXPOSURE_LISTING", "1000")
EXPOSURE_SITE = read_dollars("SOUK_EXPOSURE_SITE", "10000")
EXPOSURE_SITE_SLICES = read_int("SOUK_EXPOSURE_SITE_SLICES", 8, least=1)
INSTANT_PRICE_MAX = read_dollars("SOUK_INSTANT_PRICE_MAX", "0.10")  # the dearest instant call
INSTANT_PAYER = read_dollars("SOUK_INSTANT_PAYER", "1")  # dollars answered before they are paid
INSTANT_LISTING = read_dollars("SOUK_INSTANT_LISTING", "10")
INSTANT_SITE = read_dollars("SOUK_INSTANT_SITE", "100")
INSTANT_LOSS_SECONDS = read_int("SOUK_INSTANT_LOSS_SECONDS", 86_400, least=60)
PRICE_GRACE_SECONDS = read_int("SOUK_PRICE_GRACE_SECONDS", 300, least=0)
ANSWER_KEEP_DAYS = read_int("ANSWER_KEEP_DAYS", 7, least=1, most=30)

# Pages and the catalog:
STREAMS_MAX = read_int("SOUK_STREAMS_MAX", 500)  # open pages that are told of changes, per process
STREAMS_NETWORK_MAX = read_int("SOUK_STREAMS_NETWORK_MAX", 20, least=1)  # of one network
SHELF_MAX = read_int("SHELF_MAX", 20_000, least=1)
SHELF_REFRESH_SECONDS = read_seconds("SOUK_SHELF_REFRESH_SECONDS", "0.25", least=0.01)
SEARCH_MS_MAX = read_int("SOUK_SEARCH_MS_MAX", 2_000, least=50)  # one search of the catalog
STATEMENT_MS_MAX = read_int("SOUK_STATEMENT_MS_MAX", 30_000)  # of a page or a call; 0 is no limit
DOCUMENT_LISTINGS_MAX = read_int("SOUK_DOCUMENT_LISTINGS_MAX", 500, least=1)

# What one network or wallet may ask in a minute:
SEARCHES_PER_MINUTE = read_int("SOUK_SEARCHES_PER_MINUTE", 600, least=1)  # of one network
REFUND_REQUESTS_PER_MINUTE = read_int("SOUK_REFUND_REQUESTS_PER_MINUTE", 60, least=1)  # network
WALLET_PROOFS_PER_MINUTE = read_int("SOUK_WALLET_PROOFS_PER_MINUTE", 60, least=1)  # of one network
BAD_PAYMENTS_PER_MINUTE = read_int("SOUK_BAD_PAYMENTS_PER_MINUTE", 120, least=1)  # of one network
EMPTY_PROMISES_PER_MINUTE = read_int("SOUK_EMPTY_PROMISES_PER_MINUTE", 60, least=1)  # of a wallet

# Sellers and their programs:
LOOKS_HOUR_MAX = read_int("SOUK_LOOKS_HOUR_MAX", 60, least=1)  # at upstreams, for one seller
DOCUMENTS_HOUR_MAX = read_int("SOUK_DOCUMENTS_HOUR_MAX", 60, least=1)  # read for one seller
PREVIEW_SECONDS = read_int("SOUK_PREVIEW_SECONDS", 3_600, least=60)
PREVIEWS_PER_SELLER_MAX = read_int("SOUK_PREVIEWS_PER_SELLER_MAX", 5, least=1)  # at once
PREVIEWS_HOUR_MAX = read_int("SOUK_PREVIEWS_HOUR_MAX", 60, least=1)
PAYOUT_COOLDOWN_SECONDS = read_int("SOUK_PAYOUT_COOLDOWN_SECONDS", 86_400)
API_KEYS_PER_SELLER_MAX = read_int("SOUK_API_KEYS_PER_SELLER_MAX", 20, least=1)
API_KEY_KEEP_DAYS = read_int("SOUK_API_KEY_KEEP_DAYS", 30, least=1)
API_CALLS_PER_MINUTE = read_int("SOUK_API_CALLS_PER_MINUTE", 600, least=1)

# Reviews and reports:
REVIEW_PEOPLE = read_int("SOUK_REVIEW_PEOPLE", 2, least=1, most=2)  # for what is dear or paid anew
REVIEW_PEOPLE_ABOVE = read_dollars("SOUK_REVIEW_PEOPLE_ABOVE", "1")
REVIEW_HOLD_SECONDS = read_int("SOUK_REVIEW_HOLD_SECONDS", 900, least=60)
REVIEW_UNDO_SECONDS = 10  # the pages say so
AUTO_APPROVE_BELOW = read_dollars("SOUK_AUTO_APPROVE_BELOW", "0")  # 0: people look at everything
AUTO_APPROVE_AFTER = read_int("SOUK_AUTO_APPROVE_AFTER", 3, least=1)  # approvals by people
REPORTS_MAX = read_int("SOUK_REPORTS_MAX", 5, least=1)  # about listings, from one network
REPORTS_PER_LISTING_MAX = read_int("SOUK_REPORTS_PER_LISTING_MAX", 100, least=1)  # open ones
REPORT_KEEP_DAYS = read_int("SOUK_REPORT_KEEP_DAYS", 400, least=1)  # closed ones
DUTY_LETTER_HOURS = read_int("SOUK_DUTY_LETTER_HOURS", 4)  # what waits so long; 0: no letters

# Disputes:
DISPUTE_WINDOW_DAYS = read_int("SOUK_DISPUTE_WINDOW_DAYS", 30, least=1)  # after a payment
DISPUTE_ANSWER_DAYS = read_int("SOUK_DISPUTE_ANSWER_DAYS", 7, least=1)  # for the seller
DISPUTE_REFUND_DAYS = read_int("SOUK_DISPUTE_REFUND_DAYS", 7, least=1)  # once one is due
DISPUTE_SEARCH_SECONDS = read_int("SOUK_DISPUTE_SEARCH_SECONDS", 300, least=1)

# Webhooks:
WEBHOOKS_PER_SELLER_MAX = read_int("SOUK_WEBHOOKS_PER_SELLER_MAX", 10, least=1)
WEBHOOK_SECONDS = read_seconds("SOUK_WEBHOOK_SECONDS", "10", least=0.1)
WEBHOOK_ENDPOINT_IN_FLIGHT_MAX = read_int("SOUK_WEBHOOK_ENDPOINT_IN_FLIGHT_MAX", 4, least=1)
WEBHOOK_IN_FLIGHT_MAX = read_int("SOUK_WEBHOOK_IN_FLIGHT_MAX", 100, least=1)
WEBHOOK_RETRY_HOURS = read_int("SOUK_WEBHOOK_RETRY_HOURS", 24, least=1)
WEBHOOK_OVERLAP_HOURS = read_int("SOUK_WEBHOOK_OVERLAP_HOURS", 24, least=1)
DELIVERY_KEEP_DAYS = read_int("SOUK_DELIVERY_KEEP_DAYS", 30, least=1)

# Looks at what is sold:
PROBE_SECONDS = read_int("SOUK_PROBE_SECONDS", 600, least=60)
PROBE_FAILURES_MAX = read_int("SOUK_PROBE_FAILURES_MAX", 5, least=1)
PROBE_DRIFTS_MAX = read_int("SOUK_PROBE_DRIFTS_MAX", 12, least=0)
PROBE_KEEP_DAYS = read_int("SOUK_PROBE_KEEP_DAYS", 30, least=1)
VERIFY_SECONDS = read_int("SOUK_VERIFY_SECONDS", 86_400, least=60)
DOMAIN_SECONDS = read_int("SOUK_DOMAIN_SECONDS", 604_800, least=3_600)  # sellers' own
DOMAIN_LOST_DAYS = read_int("SOUK_DOMAIN_LOST_DAYS", 3, least=1)

# Nodes and facilitators:
RPC_TIMEOUT_SECONDS = read_seconds("SOUK_RPC_TIMEOUT_SECONDS", "5", least=0.1, most=30)
RPC_RESPONSE_BYTES_MAX = read_int("SOUK_RPC_RESPONSE_BYTES_MAX", 20_000_000, least=1_000)
# At most what the official clients wait.
FACILITATOR_SETTLE_SECONDS = read_seconds("SOUK_FACILITATOR_SETTLE_SECONDS", "90", least=1, most=90)
FACILITATOR_ASK_SECONDS = read_seconds("SOUK_FACILITATOR_ASK_SECONDS", "5", least=0.1)
FACILITATOR_POLL_SECONDS = read_seconds("SOUK_FACILITATOR_POLL_SECONDS", "15", least=0.1)
FACILITATOR_REST_SECONDS = read_seconds("SOUK_FACILITATOR_REST_SECONDS", "30", least=1)
FACILITATOR_ANSWER_BYTES_MAX = read_int("SOUK_FACILITATOR_ANSWER_BYTES_MAX", 200_000, least=1_000)
FACILITATOR_IN_FLIGHT_MAX = read_int("SOUK_FACILITATOR_IN_FLIGHT_MAX", 64, least=1)
STUCK_SECONDS = read_seconds("SOUK_STUCK_SECONDS", "30")  # then the fee is bumped
RELAYER_LOW_WEI = read_int("SOUK_RELAYER_LOW_WEI", 10**15)
HEAD_STALE_SECONDS = read_seconds("SOUK_HEAD_STALE_SECONDS", "60")

# Accounts:
SIGN_IN_TRIES = read_int("SOUK_SIGN_IN_TRIES", 10, least=1)  # of one name, from one network
SIGN_IN_SECONDS = read_int("SOUK_SIGN_IN_SECONDS", 900, least=1)
SIGN_UPS_MAX = read_int("SOUK_SIGN_UPS_MAX", 20, least=1)  # new accounts from one network
LETTERS_MAX = read_int("SOUK_LETTERS_MAX", 3, least=1)  # to one address
MAIL_CONFIRM_SECONDS = read_int("SOUK_MAIL_CONFIRM_SECONDS", 259_200, least=3_600)
PASSWORD_RESET_TIMEOUT = read_int("SOUK_RESET_SECONDS", 3_600, least=60)
ERASE_AFTER_SECONDS = read_int("SOUK_ERASE_AFTER_SECONDS", 604_800)  # to think again
SESSION_COOKIE_AGE = 86_400 * read_int("SOUK_SESSION_DAYS", 14, least=1)
DEMO_FILLS_MAX = read_int("SOUK_DEMO_FILLS_MAX", 60, least=1)  # wallets given play money

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

INSTALLED_APPS = framework.INSTALLED_APPS
MIDDLEWARE = framework.MIDDLEWARE
TEMPLATES = framework.templates(BASE_DIR / "templates")
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
REST_FRAMEWORK = framework.REST_FRAMEWORK
SPECTACULAR_SETTINGS = framework.api_document(SITE_NAME, PUBLIC_BASE_URL)

SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
LOGIN_URL = "account-sign-in"
LINKED_WALLETS = "marketplace.accounts.linking.wallets_of"  # for the rooms below accounts
SESSION_ENGINE = "marketplace.accounts.sessions"
SESSION_COOKIE_HTTPONLY = True
FAMILIAR_COOKIE_NAME = "familiar"
AUTH_PASSWORD_VALIDATORS = framework.AUTH_PASSWORD_VALIDATORS
CSRF_FAILURE_VIEW = "marketplace.problems.forged"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"  # no cookie of its own
SILENCED_SYSTEM_CHECKS = framework.SILENCED_SYSTEM_CHECKS
if not DEVELOPMENT:
    SECURE_HSTS_SECONDS = 31_536_000
    SESSION_COOKIE_NAME = "__Host-session"
    CSRF_COOKIE_NAME = "__Host-csrf"
    FAMILIAR_COOKIE_NAME = "__Host-familiar"
    SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = True
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")

LOG_LEVEL = read_choice("SOUK_LOG_LEVEL", "INFO", ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"))
LOG_FORMAT = read_choice("SOUK_LOG_FORMAT", "line", ("line", "json"))
LOGGING = framework.logging(LOG_FORMAT, LOG_LEVEL)
