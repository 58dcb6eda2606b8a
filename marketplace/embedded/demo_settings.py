"""What the demo runs with: keys of its own, kept in its state folder, and ports that stay."""

from __future__ import annotations

import json
import os
import random
import secrets
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from marketplace.embedded.chain import BLOCK_SECONDS, CHAIN_ID
from marketplace.embedded.demo_accounts import BUYER, RELAYER
from marketplace.embedded.ports import is_free

NETWORK = f"eip155:{CHAIN_ID}"
# Below what systems give away by themselves (32768 and up on Linux), so that a port stays ours.
PORTS = range(20_000, 30_000)
# Whatever the shell may say of these, the demo says its own; limits are left as they are.
OURS = (
    "SOUK_DEBUG",
    "SOUK_SURFACE",
    "PUBLIC_BASE_URL",
    "CALL_BASE_URL",
    "SECRET_KEY",
    "RECEIPT_KEY",
    "RECEIPT_PUBLIC_KEY",
    "SELLER_SECRETS_KEYS",
    "CELERY_BROKER_URL",
    "SOUK_MESSAGES_DIR",
    "CHAINS",
    "SOUK_DEMO_CHAIN_RPC",
    "SOUK_REVIEW_PEOPLE",
)


@dataclass(frozen=True, slots=True)
class Keys:
    """The demo's secrets: made once, readable by nobody else."""

    folder: Path

    def file(self, name: str, make: Callable[[], str]) -> str:
        """The file of a secret, which is made when it is not there yet."""
        path = self.folder / name
        if not path.exists():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            aside = path.with_suffix(".new")
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(make())
            aside.replace(path)
        return str(path)

    def admin_password_file(self) -> str:
        return self.file("admin_password", lambda: secrets.token_urlsafe(12))

    def seller_password_file(self) -> str:
        return self.file("seller_password", lambda: secrets.token_urlsafe(12))


@dataclass(frozen=True, slots=True)
class Ports:
    """Where the demo's programs listen, on loopback only."""

    web: int
    upstream: int
    chain: int

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self.web}"

    @property
    def upstream_url(self) -> str:
        return f"http://127.0.0.1:{self.upstream}"

    @property
    def rpc_url(self) -> str:
        return f"http://127.0.0.1:{self.chain}"


def choose_ports(web: int, file: Path) -> Ports:
    """The ports of the last run where they are free: the listings name the upstream's."""
    try:
        kept = json.loads(file.read_text(encoding="utf-8"))
        wanted = [int(kept["upstream"]), int(kept["chain"])]
    except (OSError, ValueError, LookupError, TypeError):
        wanted = []
    if not all(is_free(port) for port in wanted) or len(wanted) != 2:
        candidates = random.sample(PORTS, 100)
        wanted = [port for port in candidates if port != web and is_free(port)][:2]
        file.write_text(json.dumps({"upstream": wanted[0], "chain": wanted[1]}), encoding="utf-8")
    return Ports(web, *wanted)


def demo_environment(
    state: Path, ports: Ports, *, database_url: str, direct_url: str, egress_allow: Sequence[str]
) -> dict[str, str]:
    """The settings of every program of the demo, by their names in the environment."""
    keys = Keys(state / "keys")
    chain = {
        "RPC": [ports.rpc_url],
        "RELAYER_KEY_FILES": [keys.file("relayer", lambda: RELAYER.private_key)],
        "CONFIRMATIONS": 2,
        "PRICE_FLOOR": "0.0001",
        "HEAD_POLL_MS": 50,
        "BLOCK_SECONDS": BLOCK_SECONDS,
    }
    return {
        "SOUK_DEBUG": "1",
        "SOUK_SURFACE": "all",
        "PUBLIC_BASE_URL": ports.base_url,
        "CALL_BASE_URL": ports.base_url,
        "SECRET_KEY_FILE": keys.file("secret", lambda: secrets.token_urlsafe(48)),
        "RECEIPT_KEY_FILE": keys.file("receipt.pem", receipt_key),
        "SELLER_SECRETS_KEYS_FILE": keys.file("seller_secrets", fernet_key),
        "DATABASE_URL": database_url,
        "DATABASE_DIRECT_URL": direct_url,
        "CELERY_BROKER_URL": "filesystem://",
        "SOUK_MESSAGES_DIR": str(state / "messages"),
        "CHAINS": json.dumps({NETWORK: chain}),
        "SOUK_DEMO_CHAIN_RPC": ports.rpc_url,
        "SOUK_PREVIEW_WALLETS": BUYER.address,
        "SOUK_REVIEW_PEOPLE": "1",
        "SOUK_EGRESS_ALLOW": ",".join([*egress_allow, f"127.0.0.0/8:{ports.upstream}"]),
    }


def fernet_key() -> str:
    return urlsafe_b64encode(os.urandom(32)).decode()


def receipt_key() -> str:
    # Loaded for the first start only: the library takes longer than the rest of this module.
    from payments.receipts.signing import generate_pem

    return generate_pem()


def forget_the_shells_settings() -> None:
    """Keep a shell that was set up for another installation out of the demo."""
    for name in OURS:
        os.environ.pop(name, None)
        os.environ.pop(f"{name}_FILE", None)
    os.environ["SOUK_DEBUG"] = "1"
    os.environ["DJANGO_SETTINGS_MODULE"] = "marketplace.settings"


def set_environment(environment: Mapping[str, str]) -> None:
    """What every program that is started from here on inherits."""
    for name in ("DATABASE_URL_FILE", "DATABASE_DIRECT_URL_FILE", "SOUK_EGRESS_ALLOW_FILE"):
        os.environ.pop(name, None)
    os.environ.update(environment)
