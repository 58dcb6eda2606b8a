"""Packages, secrets, what is open to whom, and room on the disk."""

from __future__ import annotations

import shutil
import stat
from collections.abc import Iterator
from functools import partial
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

from marketplace.doctor.findings import Finding, fail, ok, warn
from payments.denials import DenyList, ListUnread
from payments.receipts.signing import BadKey
from payments.wiring.keys import receipt_signer
from payments.x402.crypto import fast_crypto

SECRET_CHARACTERS_MIN = 32
NO_SECRETS = {"RECEIPT_PUBLIC_KEY"}
RECEIPT_FIX = "`openssl genpkey -algorithm ed25519`, RECEIPT_KEY_FILE"
MOUNTED_SECRETS = "/run/secrets/"  # container runtimes decide over modes there
DISK_WARN_MEGABYTES, DISK_FAIL_MEGABYTES = 1_000, 200


def examine_installation() -> Iterator[Finding]:
    """Everything that can be known without asking anybody."""
    yield from packages()
    yield from secrets()
    yield from secret_files()
    yield from exposure()
    yield from deny_list()
    yield from disk()


def packages() -> Iterator[Finding]:
    slow = fast_crypto()
    for words in slow:
        yield fail("packages", words, "`pip install --require-hashes -r requirements.txt`")
    if not slow:
        yield ok("packages", "signatures and hashes are computed by compiled code")


def secrets() -> Iterator[Finding]:
    if len(settings.SECRET_KEY) < SECRET_CHARACTERS_MIN:
        short = f"SECRET_KEY has {len(settings.SECRET_KEY)} characters"
        yield fail("secrets", short, "put 50 random ones into the file SECRET_KEY_FILE names")
    yield _receipt_key()
    yield _seller_keys()


def _receipt_key() -> Finding:
    if not settings.RECEIPT_KEY and settings.RECEIPT_PUBLIC_KEY:
        return ok("receipts", "this process checks receipts; the worker signs them")
    try:
        signer = receipt_signer()
    except (ImproperlyConfigured, BadKey) as wrong:
        return fail("receipts", str(wrong), RECEIPT_FIX)
    if not settings.RECEIPT_KEY:
        words = "RECEIPT_KEY is not set: each process signs with a key that ends with it"
        return warn("receipts", words, RECEIPT_FIX)
    return ok("receipts", f"signed as {signer.did}")


def _seller_keys() -> Finding:
    fix = "`openssl rand -base64 32 | tr '+/' '-_'`, in SELLER_SECRETS_KEYS_FILE"
    if not settings.SELLER_SECRETS_KEYS:
        return warn("secrets", "no SELLER_SECRETS_KEYS: sellers cannot keep secret headers", fix)
    for position, key in enumerate(settings.SELLER_SECRETS_KEYS, start=1):
        try:
            Fernet(key)
        except ValueError:
            return fail("secrets", f"key {position} of SELLER_SECRETS_KEYS is no Fernet key", fix)
    return ok("secrets", "sellers' secret headers are encrypted")


def secret_files() -> Iterator[Finding]:
    """Files that anybody on this machine can read are no secrets."""
    files = [
        *(file for name, file in settings.SECRET_FILES.items() if name not in NO_SECRETS),
        *(name for chain in settings.CHAINS.values() for name in chain["RELAYER_KEY_FILES"]),
        *(
            entry["HEADERS_FILE"]
            for chain in settings.CHAINS.values()
            for entry in chain["FACILITATORS"]
            if entry["HEADERS_FILE"]
        ),
    ]
    for name in files:
        path = Path(name)
        if name.startswith(MOUNTED_SECRETS) or not path.exists():
            continue
        if path.stat().st_mode & (stat.S_IROTH | stat.S_IWGRP | stat.S_IWOTH):
            words = f"{name} can be read or changed by others"
            yield warn("secrets", words, f"`chmod 600 {name}`", partial(path.chmod, 0o600))


def exposure() -> Iterator[Finding]:
    public = [
        url
        for url in (settings.PUBLIC_BASE_URL, settings.CALL_BASE_URL)
        if not is_loopback(urlsplit(url).hostname or "")
    ]
    if settings.DEMO_CHAIN_RPC and public:
        words = f"this is the demo, whose keys everybody knows, and it calls itself {public[0]}"
        yield fail("exposure", words, "keep the demo on 127.0.0.1; docs/operate.md sets up a site")
    elif settings.DEVELOPMENT and public:
        yield fail("exposure", f"SOUK_DEBUG is on at {public[0]}", "unset SOUK_DEBUG")
    for url in public:
        if not url.startswith("https://"):
            yield fail("exposure", f"{url} is not https", "set it to the https address")
    if public and not settings.OPERATOR_EMAIL_IS_GIVEN:
        words = "nobody is named as this site's contact; graders of agents take points off for it"
        yield warn("contact", words, "set SOUK_OPERATOR_EMAIL to an address that somebody reads")
    yield from _egress(is_private=not public)


def _egress(*, is_private: bool) -> Iterator[Finding]:
    if not settings.EGRESS_ALLOW:
        yield ok("egress", "no private address can be called")
        return
    words = f"private addresses that sellers may name: {', '.join(settings.EGRESS_ALLOW)}"
    if is_private and settings.DEVELOPMENT:
        yield ok("egress", words)
    else:
        yield warn("egress", words, "empty SOUK_EGRESS_ALLOW unless you need each of them")


def deny_list() -> Iterator[Finding]:
    if not settings.DENY_ADDRESSES:
        return
    try:
        count = DenyList(settings.DENY_ADDRESSES).insist()
    except ListUnread as wrong:
        fix = "mend the file, and let every door and the worker read it: no door starts without it"
        yield fail("denied wallets", str(wrong), fix)
        return
    if count:
        yield ok("denied wallets", f"{count:,} are refused")
    else:
        yield warn("denied wallets", "the list is empty", "fill it, or unset SOUK_DENY_ADDRESSES")


def is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def disk() -> Iterator[Finding]:
    free = shutil.disk_usage(settings.BASE_DIR).free // 1_000_000
    words = f"{free:,} MB free where Souk lives"
    if free < DISK_FAIL_MEGABYTES:
        yield fail("disk", words, "make room")
    elif free < DISK_WARN_MEGABYTES:
        yield warn("disk", words, "make room")
    else:
        yield ok("disk", words)
