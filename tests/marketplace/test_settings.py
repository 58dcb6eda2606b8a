"""Settings fail at start, with the name, the value and what was expected."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from marketplace.configuration.chains import CHAIN_PRESETS, GAS_DAY_DOLLARS, read_chains

BASE = "eip155:8453"


def chains(monkeypatch: pytest.MonkeyPatch, value: object) -> dict[str, dict[str, object]]:
    monkeypatch.setenv("CHAINS_UNDER_TEST", value if isinstance(value, str) else json.dumps(value))
    return read_chains("CHAINS_UNDER_TEST", "{}")


def test_a_network_and_an_rpc_url_are_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    read = chains(monkeypatch, {BASE: {"RPC": ["https://rpc.example"]}})

    assert read[BASE]["ASSETS"] == ["0x833589fCD6eDb6E08f4c7C32D4f71b54bdA02913"]
    assert read[BASE]["CONFIRMATIONS"] == 10


@pytest.mark.parametrize("network", CHAIN_PRESETS)
def test_a_sellers_gas_of_a_day_is_the_same_money_on_every_network(
    monkeypatch: pytest.MonkeyPatch, network: str
) -> None:
    read = chains(monkeypatch, {network: {"RPC": ["https://rpc.example"]}})[network]
    dollars = Decimal(str(read["SELLER_GAS_DAY_WEI"])) * Decimal(str(read["COIN_DOLLARS"]))
    assert round(dollars / 10**18, 6) == GAS_DAY_DOLLARS


def test_an_operators_own_number_of_wei_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    base = {"RPC": ["https://rpc.example"]}
    own = chains(monkeypatch, {BASE: {**base, "SELLER_GAS_DAY_WEI": 7, "COIN_DOLLARS": "6000"}})
    reckoned = chains(monkeypatch, {BASE: {**base, "COIN_DOLLARS": "6000"}})
    assert own[BASE]["SELLER_GAS_DAY_WEI"] == 7
    assert reckoned[BASE]["SELLER_GAS_DAY_WEI"] == 5 * 10**15


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("not json", "JSON"),
        ([], "JSON object"),
        ({"eip155:999999": {"RPC": ["https://r.example"]}}, "eip155:999999"),
        ({BASE: {}}, "RPC"),
        ({BASE: {"RPC": ["ftp://r.example"]}}, "http(s)"),
        ({BASE: {"RPC": ["https://r.example"], "CONFIRMATION": 3}}, "CONFIRMATION"),
        ({BASE: {"RPC": ["https://r.example"], "CONFIRMATIONS": "many"}}, "'many'"),
        ({BASE: {"RPC": ["https://r.example"], "CONFIRMATIONS": 0}}, "1 or more"),
        ({BASE: {"RPC": ["https://r.example"], "CONFIRMATIONS": 1.5}}, "whole"),
        ({BASE: {"RPC": ["https://r.example"], "PRICE_FLOOR": "NaN"}}, "PRICE_FLOOR"),
        ({BASE: {"RPC": ["https://r.example"], "COIN_DOLLARS": 0}}, "COIN_DOLLARS"),
        ({BASE: {"RPC": ["https://r.example"], "RELAYER_KEYS": "0x01"}}, "RELAYER_KEYS"),
        ({BASE: {"RPC": ["https://r.example"], "SETTLE": "hope"}}, "relayer"),
        ({BASE: {"RPC": ["https://"]}}, "http(s)"),
        ({BASE: {"RPC": ["https://r.example:port"]}}, "http(s)"),
        ({BASE: {"RPC": ["https://r.example"], "WEBSOCKET": "https://r.example"}}, "ws(s)"),
        ({BASE: {"RPC": ["https://r.example"], "ASSETS": ["0x12"]}}, "40 hexadecimal digits"),
        ({BASE: {"RPC": ["https://r.example"], "MULTICALL": "0x12"}}, "40 hexadecimal digits"),
    ],
    ids=str,
)
def test_a_wrong_network_is_named(
    monkeypatch: pytest.MonkeyPatch, given: object, said: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        chains(monkeypatch, given)
    assert said in str(refused.value)


FACILITATOR = {"URL": "https://f.example/x402/"}


def facilitated(*listed: object, **changed: object) -> dict[str, object]:
    return {
        BASE: {
            "RPC": ["https://rpc.example"],
            "SETTLE": "facilitator",
            "FACILITATORS": list(listed),
            **changed,
        }
    }


def test_a_facilitator_is_named_by_its_host(monkeypatch: pytest.MonkeyPatch) -> None:
    read = chains(monkeypatch, facilitated(FACILITATOR, {**FACILITATOR, "NAME": "spare"}))

    listed = read[BASE]["FACILITATORS"]
    assert [entry["NAME"] for entry in listed] == ["f.example", "spare"]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (facilitated(), "one or more"),
        (facilitated(FACILITATOR, SETTLE="relayer"), "SETTLE facilitator"),
        (facilitated(FACILITATOR, RPC=[]), "RPC"),
        (facilitated("https://f.example"), "HEADERS_FILE"),
        (facilitated({**FACILITATOR, "HEADER": {}}), "HEADER"),
        (facilitated({}), "URL"),
        (facilitated({"URL": "ftp://f.example"}), "http(s)"),
        (facilitated({"URL": "https://key@f.example"}), "without user name"),
        (facilitated({"URL": "https://f.example?key=1"}), "query"),
        (facilitated({"URL": "https://f.example/ x"}), "URL"),
        (facilitated(FACILITATOR, FACILITATOR), "NAME of its own"),
        (facilitated({**FACILITATOR, "NAME": "f\n"}), "NAME"),
        (facilitated({**FACILITATOR, "HEADERS": {"settle": {"Host": "secret"}}}), "Host"),
        (facilitated({**FACILITATOR, "HEADERS": {"Authorization": "secret"}}), "supported"),
        (facilitated({**FACILITATOR, "HEADERS_FILE": 7}), "HEADERS_FILE"),
        (
            facilitated({**FACILITATOR, "HEADERS": {"settle": {}}, "HEADERS_FILE": "/f"}),
            "one of the two",
        ),
    ],
    ids=str,
)
def test_a_wrong_facilitator_is_named_and_its_secret_is_not(
    monkeypatch: pytest.MonkeyPatch, given: object, said: str
) -> None:
    with pytest.raises(ImproperlyConfigured) as refused:
        chains(monkeypatch, given)
    assert said in str(refused.value)
    assert "secret" not in str(refused.value)


@dataclass(frozen=True, slots=True)
class Started:
    """How a start with some environment ended."""

    returncode: int
    stderr: str


Start = Callable[..., Started]


@pytest.fixture(scope="module")
def start(checkout: Path) -> Iterator[Start]:
    """Settings read for the first time, by a process without an environment but this."""
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.marketplace.settings_starter"],
        cwd=checkout, env=kept, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as starter:  # fmt: skip
        assert starter.stdin
        assert starter.stdout
        asking, told = starter.stdin, starter.stdout

        def started(**environment: str) -> Started:
            asking.write(json.dumps({**kept, **environment}) + "\n")
            asking.flush()
            return Started(*json.loads(told.readline()))

        yield started


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("PUBLIC_BASE_URL", "souk.example", "an origin"),
        ("DATABASE_URL", "mysql://x/y", "postgresql://"),
        ("SOUK_SURFACE", "window", "all or door or site"),
        ("SOUK_DEBUG", "perhaps", "1 or 0"),
        ("SHELF_MAX", "-1", "1 or more"),
        ("HOLD_WAIT_SECONDS", "soon", "seconds as a decimal number"),
        ("HOLD_WAIT_SECONDS", "-1", "seconds as a decimal number"),
        ("SOUK_EXPOSURE_SITE", "nan", "dollars as a decimal number"),
        ("SOUK_EXPOSURE_SITE", "1e400", "dollars as a decimal number"),
        ("PUBLIC_BASE_URL", "https://souk.example/shop", "without a path"),
        ("PUBLIC_BASE_URL", "https://souk.example:port", "an origin"),
        ("PUBLIC_BASE_URL", "https://me:secret@souk.example", "an origin"),
        ("PUBLIC_BASE_URL", "https://souk.example; script-src *", "an origin"),
        ("PUBLIC_BASE_URL", "https://[::1", "an origin"),
        ("CALL_BASE_URL", "https://souk.example#call", "an origin"),
        ("DATABASE_URL", "postgresql://me@host:port/souk", "postgresql://"),
        ("SOUK_OWN_ADDRESSES", "93.184.216.0/24", "93.184.216.34"),
        ("DATABASE_DIRECT_URL", "mysql://x/y", "postgresql://"),
        ("CELERY_BROKER_URL", "kafka://x/y", "redis://"),
        ("SOUK_LOG_LEVEL", "LOUD", "DEBUG or INFO"),
        ("SOUK_FACILITATOR_SETTLE_SECONDS", "91", "90 or less"),
        ("SOUK_STREAM_STALL_SECONDS", "0", "0.1 or more"),
        ("SOUK_LEASE_SECONDS", "5", "6 or more"),
        ("SOUK_MAX_TIMEOUT_SECONDS", "3601", "3600 or less"),
        ("SOUK_REVIEW_PEOPLE", "3", "2 or less"),
        ("SOUK_ANSWERS_IN_HAND_BYTES_MAX", "21999999", "22000000"),
    ],
)
def test_a_wrong_value_is_named_with_what_was_expected(
    start: Start, name: str, value: str, expected: str
) -> None:
    done = start(**{"SECRET_KEY": "x" * 50, name: value})

    assert done.returncode != 0
    assert name in done.stderr
    assert value.partition("://")[0] in done.stderr
    assert expected in done.stderr


def test_a_secret_may_come_from_a_file(start: Start, tmp_path: Path) -> None:
    secret = tmp_path / "key"
    secret.write_text("y" * 50 + "\n")

    assert start(SECRET_KEY_FILE=str(secret)).returncode == 0
    secret.write_bytes(b"\xff" * 50)
    assert "it is no text" in start(SECRET_KEY_FILE=str(secret)).stderr
    missing = start(SECRET_KEY_FILE=str(tmp_path / "none"))
    assert missing.returncode != 0
    assert "SECRET_KEY_FILE" in missing.stderr
    assert "SECRET_KEY is missing" in start().stderr


@pytest.mark.parametrize("answer_bytes", ["10000000", "300000000"])
def test_a_larger_answer_has_its_room_unless_that_is_said(start: Start, answer_bytes: str) -> None:
    given = {"SECRET_KEY": "x" * 50, "SOUK_ANSWER_BYTES_MAX": answer_bytes}

    assert start(**given).returncode == 0


@pytest.mark.parametrize("name", ["DATABASE_URL", "DATABASE_DIRECT_URL", "CELERY_BROKER_URL"])
def test_a_password_in_a_wrong_address_is_not_shown(start: Start, name: str) -> None:
    done = start(**{"SECRET_KEY": "x" * 50, name: "mysql://me:hunter2@host/name"})

    assert done.returncode != 0
    assert "mysql://…" in done.stderr
    assert "hunter2" not in done.stderr


def test_a_private_egress_exception_needs_two_words_in_production(start: Start) -> None:
    allowed = {"SECRET_KEY": "x" * 50, "SOUK_EGRESS_ALLOW": "127.0.0.0/8:9999"}

    assert "SOUK_EGRESS_ALLOW" in start(**allowed).stderr
    garbled = allowed | {"SOUK_EGRESS_ALLOW": "127.0.0.0/8", "SOUK_DEBUG": "1"}
    assert "NETWORK/BITS:PORT" in start(**garbled).stderr
    assert start(**allowed, SOUK_EGRESS_ALLOW_IN_PRODUCTION="1").returncode == 0
