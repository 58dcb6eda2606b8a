"""`manage.py verify_receipt`: a verdict anybody can reach, with and without a network."""

from __future__ import annotations

import io
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from django.core.management import call_command

from payments.receipts.signing import Signer, did_document, did_web, generate_pem
from tests.fixtures.purchases import ANSWER, SITE, Purchases

MakePurchase = Callable[[Callable[[Purchases], Awaitable[Any]]], Any]


def verify(*arguments: str) -> tuple[int, str]:
    shown = io.StringIO()
    with pytest.raises(SystemExit) as ended:
        call_command("verify_receipt", *arguments, stdout=shown)
    assert isinstance(ended.value.code, int)
    return ended.value.code, shown.getvalue()


def publish(settings: Any, signer: Signer) -> None:
    settings.RECEIPT_PUBLIC_KEY = signer.public_key.public_bytes(
        Encoding.PEM, PublicFormat.SubjectPublicKeyInfo
    ).decode()


@pytest.fixture
def document(tmp_path: Path, receipt_signer: Signer) -> str:
    """The signer's did.json, as a file somebody kept."""
    path = tmp_path / "did.json"
    path.write_text(json.dumps(did_document(receipt_signer.public_key, receipt_signer.did)))
    return str(path)


@pytest.fixture
def receipt(tmp_path: Path, make_purchase: MakePurchase) -> str:
    async def life(purchases: Purchases) -> str:
        return (await purchases.receipts(await purchases.final()))[-1]

    path = tmp_path / "receipt.jws"
    path.write_text(make_purchase(life))
    return str(path)


@pytest.fixture
def answer(tmp_path: Path) -> Path:
    path = tmp_path / "answer.json"
    path.write_bytes(ANSWER)
    return path


def test_a_genuine_receipt_is_said_to_be_one(receipt: str, document: str) -> None:
    code, shown = verify(receipt, "--did-document", document)
    assert code == 0
    assert "0.002 USDC" in shown
    assert "Genuine." in shown
    assert did_web(SITE) in shown


def test_the_answer_is_held_against_it(receipt: str, document: str, answer: Path) -> None:
    assert verify(receipt, "--did-document", document, "--body", str(answer))[0] == 0
    answer.write_bytes(ANSWER + b"\n")
    code, shown = verify(receipt, "--did-document", document, "--body", str(answer))
    assert code == 1
    assert "not the one" in shown


def test_the_request_is_held_against_it(receipt: str, document: str) -> None:
    url = f"{SITE}/call/meteo/weather-now?city="
    assert verify(receipt, "--did-document", document, "--url", url + "Paris")[0] == 0
    assert verify(receipt, "--did-document", document, "--url", url + "Rome")[0] == 1


def test_a_forged_receipt_is_found_out(tmp_path: Path, receipt: str, document: str) -> None:
    stranger = Signer.from_pem(generate_pem(), did_web(SITE))
    forged = tmp_path / "forged.jws"
    forged.write_text(stranger.sign({"status": "final"}, "souk-receipt"))
    code, shown = verify(str(forged), "--did-document", document)
    assert (code, "✗" in shown) == (1, True)


def test_a_signed_text_that_is_no_receipt_is_refused(
    tmp_path: Path, document: str, receipt_signer: Signer
) -> None:
    odd = tmp_path / "odd.jws"
    odd.write_text(receipt_signer.sign({"status": "final"}, "souk-receipt"))
    assert verify(str(odd), "--did-document", document)[0] == 1


def test_a_receipt_that_was_taken_back_does_not_pass_for_paid(
    tmp_path: Path, make_purchase: MakePurchase, document: str
) -> None:
    async def life(purchases: Purchases) -> str:
        payment_id = await purchases.final()
        await purchases.uproot(payment_id)
        return (await purchases.receipts(payment_id))[-1]

    path = tmp_path / "reversed.jws"
    path.write_text(make_purchase(life))
    code, shown = verify(str(path), "--did-document", document)
    assert code == 1
    assert "reversed" in shown


def test_what_cannot_be_read_is_no_verdict(tmp_path: Path, receipt: str, document: str) -> None:
    assert verify(str(tmp_path / "nothing"))[0] == 2
    assert verify(receipt, "--did-document", str(tmp_path / "nothing"))[0] == 2
    broken = tmp_path / "broken.json"
    broken.write_text("[1")
    assert verify(receipt, "--did-document", str(broken))[0] == 2


def test_a_private_address_that_the_receipt_chose_is_not_called(
    tmp_path: Path, live_server: Any, settings: Any
) -> None:
    signer = Signer.from_pem(generate_pem(), did_web(live_server.url))
    publish(settings, signer)
    settings.PUBLIC_BASE_URL = "https://souk.example"
    path = tmp_path / "receipt.jws"
    path.write_text(signer.sign({"status": "final"}, "souk-receipt"))
    code, shown = verify(str(path))
    assert code == 2
    assert "--did-document" in shown


def test_an_unconfigured_chain_is_no_verdict(receipt: str, document: str) -> None:
    code, shown = verify(receipt, "--did-document", document, "--rpc")
    assert code == 2
    assert "set CHAINS='{\"eip155" in shown


def test_a_program_gets_json(receipt: str, document: str) -> None:
    code, shown = verify(receipt, "--did-document", document, "--json")
    verdict = json.loads(shown)
    assert (code, verdict["verdict"]) == (0, "genuine")
    assert [check["passed"] for check in verdict["checks"]] == [True, True]
    assert verdict["receipt"]["amount"] == "2000"


def test_a_running_site_is_asked_for_receipt_and_key(
    live_server: Any, make_purchase: MakePurchase, receipt_signer: Signer, settings: Any
) -> None:
    signer = Signer(did_web(live_server.url), receipt_signer._key)
    settings.PUBLIC_BASE_URL = live_server.url
    publish(settings, signer)

    async def life(purchases: Purchases) -> Any:
        return await Purchases(purchases.pool, signer).final()

    payment_id = make_purchase(life)
    code, shown = verify(f"{live_server.url}/p/{payment_id}/receipt")
    assert (code, "Genuine." in shown) == (0, True)
    assert verify(f"{live_server.url}/p/{payment_id}/nothing")[0] == 2
