"""Who has a checkout and no installation can buy and check receipts, at any marketplace.

What cannot begin ends with 2: 1 is what several commands say of receipts, money or the log.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from payments.receipts.signing import Signer, did_document, did_web, generate_pem

SITE = "https://elsewhere.example"


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "HOME"}}
    return subprocess.run(
        [sys.executable, "manage.py", *arguments],
        env=kept | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "asked", [("buy", "--help"), ("verify_receipt", "--help"), ("help", "buy")], ids=" ".join
)
def test_a_buyer_reads_how_it_is_done(asked: tuple[str, ...]) -> None:
    done = run(*asked)
    assert (done.returncode, done.stderr) == (0, "")
    assert "usage:" in done.stdout


def test_a_buyer_asks_any_marketplace_with_a_key_of_their_own(tmp_path: Path) -> None:
    key = tmp_path / "wallet.key"
    key.write_text("0x" + "11" * 32)
    done = run("buy", "http://127.0.0.1:9/call/acme/weather", "--key-file", str(key))
    assert done.returncode == 1
    assert "1. Ask  GET http://127.0.0.1:9/call/acme/weather" in done.stdout
    assert "127.0.0.1:9" in done.stderr


def test_anybody_finds_a_forged_receipt_out(tmp_path: Path) -> None:
    owner, stranger = (Signer.from_pem(generate_pem(), did_web(SITE)) for _ in range(2))
    document, receipt = tmp_path / "did.json", tmp_path / "receipt.jws"
    document.write_text(json.dumps(did_document(owner.public_key, owner.did)))
    receipt.write_text(stranger.sign({"status": "final"}, "souk-receipt"))
    done = run("verify_receipt", str(receipt), "--did-document", str(document))
    assert (done.returncode, done.stderr) == (1, "")
    assert "Not good" in done.stdout


@pytest.mark.parametrize("command", ["verify_receipt", "reconcile", "doctor"])
def test_a_wrong_setting_is_no_verdict(command: str) -> None:
    done = run(command, "receipt.jws", SOUK_DEBUG="perhaps")
    assert (done.returncode, done.stdout) == (2, "")
    assert "SOUK_DEBUG='perhaps' is not valid" in done.stderr


def test_no_variable_lets_what_serves_do_without_its_secret() -> None:
    given = {"NEEDS_INSTALLATION": "", "SOUK_NEEDS_INSTALLATION": "0", "SECRET_KEY": ""}
    assert "SECRET_KEY is missing" in run("migrate", **given).stderr
