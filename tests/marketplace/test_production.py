"""What an installation does by itself once SOUK_DEBUG is off."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

# Nobody listens there: what a dead database makes of the pages is part of the question.
DATABASE = "postgresql://souk:hunter2@127.0.0.1:1/souk"
HOSTS = {
    "known": "souk.example", "calls": "calls.example", "probe": "127.0.0.1:8402",
    "unknown": "evil.example",
}  # fmt: skip
ASK = """
import json, sys
from marketplace.asgi import application
from django.conf import settings
from django.test import Client

site = Client(raise_request_exception=False)
said = {}
for name, path, headers in json.loads(sys.argv[1]):
    answer = site.get(path, headers=headers)
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    said[name] = [answer.status_code, dict(answer.headers), body.decode()]
parts = ("NAME", "SECURE", "PATH", "DOMAIN")
familiar = [settings.FAMILIAR_COOKIE_NAME, settings.SESSION_COOKIE_SECURE, "/", None]
cookies = {
    name: [getattr(settings, f"{name}_COOKIE_{part}") for part in parts]
    for name in ("SESSION", "CSRF")
}
print(json.dumps([said, {**cookies, "FAMILIAR": familiar}]))
"""
PAGE, PROXIED = {"Accept": "text/html"}, {"X-Forwarded-Proto": "https"}
REQUESTS = [
    *((name, "/healthz", {"Host": host}) for name, host in HOSTS.items()),
    ("proxied", "/healthz", {"Host": "souk.example", **PROXIED}),
    ("nowhere", "/nowhere", {"Host": "souk.example", **PAGE}),
    ("broken page", "/", {"Host": "souk.example", **PAGE}),
    ("broken", "/", {"Host": "souk.example"}),
    ("style", "/static/souk.css", {"Host": "souk.example"}),
]


def run(checkout: Path, *command: str, **changed: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    production = {
        "SECRET_KEY": "p7!x" * 16 + "abcdefg",
        "DATABASE_URL": DATABASE,
        "PUBLIC_BASE_URL": "https://souk.example",
        "CALL_BASE_URL": "https://calls.example",
        "CHAINS": '{"eip155:8453": {"RPC": ["https://rpc.example"]}}',
        "DJANGO_SETTINGS_MODULE": "marketplace.settings",
    }
    return subprocess.run(
        [sys.executable, "-W", "error", *command],
        cwd=checkout,
        env=kept | production | changed,
        capture_output=True,
        text=True,
    )


@pytest.fixture(scope="module")
def asked(checkout: Path) -> Any:
    done = run(checkout, "-c", ASK, json.dumps(REQUESTS))
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def said(asked: Any) -> dict[str, Any]:
    return dict(asked[0])


def test_django_has_no_warning_for_a_deployment(checkout: Path) -> None:
    done = run(checkout, "manage.py", "check", "--deploy", "--fail-level", "WARNING")
    assert done.returncode == 0, done.stderr


def test_a_short_secret_is_warned_of(checkout: Path) -> None:
    done = run(
        checkout, "manage.py", "check", "--deploy", "--fail-level", "WARNING", SECRET_KEY="short"
    )
    assert done.returncode == 1
    assert "security.W009" in done.stderr


def test_only_the_sites_own_names_are_answered(said: dict[str, Any]) -> None:
    assert said["known"][0] == 200
    assert said["calls"][0] == 200
    assert said["unknown"][0] == 400


def test_a_containers_health_check_is_answered(said: dict[str, Any]) -> None:
    assert said["probe"][0] == 200


def test_browsers_behind_the_proxy_are_told_to_stay_with_https(said: dict[str, Any]) -> None:
    assert said["proxied"][1]["Strict-Transport-Security"] == "max-age=31536000"
    assert "Strict-Transport-Security" not in said["known"][1]


def test_every_answer_is_guarded(said: dict[str, Any]) -> None:
    for status, headers, _ in (said[name] for name in ("known", "nowhere", "broken page")):
        assert status
        policy = headers["Content-Security-Policy"]
        assert "default-src 'none'; script-src https://souk.example/static/;" in policy
        assert headers["X-Content-Type-Options"] == "nosniff"
        assert headers["X-Frame-Options"] == "DENY"
        assert headers["Referrer-Policy"] == "same-origin"


def test_cookies_belong_to_this_host_alone(asked: Any) -> None:
    for name, secure, path, domain in asked[1].values():
        assert name.startswith("__Host-")
        assert (secure, path, domain) == (True, "/", None)


def test_the_pages_style_is_served_without_a_step_before(said: dict[str, Any]) -> None:
    status, headers, body = said["style"]
    assert (status, headers["Content-Type"]) == (200, 'text/css; charset="utf-8"')
    assert "@layer" in body


@pytest.mark.parametrize(("name", "status"), [("nowhere", 404), ("broken page", 503)])
def test_a_page_that_is_not_there_or_breaks_is_ours(
    said: dict[str, Any], name: str, status: int
) -> None:
    assert said[name][0] == status
    assert '<a class="site-name" href="/">' in said[name][2]


def test_a_dead_database_is_named_and_nothing_more_of_the_inside(said: dict[str, Any]) -> None:
    assert json.loads(said["broken"][2])["error"] == "database_unreachable"
    assert "The database does not answer" in said["broken page"][2]
    for name in ("broken", "broken page"):
        for inside in ("hunter2", "127.0.0.1:1", "Traceback", "Operational", "psycopg"):
            assert inside not in said[name][2]


def test_private_addresses_cannot_be_opened_by_accident(checkout: Path) -> None:
    opened = {"SOUK_EGRESS_ALLOW": "127.0.0.0/8:9999"}
    assert "SOUK_EGRESS_ALLOW" in run(checkout, "manage.py", "check", **opened).stderr
    meant = run(checkout, "manage.py", "check", SOUK_EGRESS_ALLOW_IN_PRODUCTION="1", **opened)
    assert meant.returncode == 0, meant.stderr
