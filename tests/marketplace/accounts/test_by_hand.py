"""A wallet that is in no browser: its text is taken there and the signature brought back."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from marketplace.accounts import throttle
from marketplace.accounts.by_hand_views import NO_ADDRESS
from marketplace.accounts.models import Wallet
from marketplace.accounts.wallet_acts import OTHERWISE, PAYS_ONLY, UNPROVEN
from marketplace.configuration.chains import CHAIN_DEFAULTS
from tests.docs.test_documents import blocks
from tests.fixtures.cast import Cast, Person
from tests.fixtures.purchases import NETWORK
from tests.marketplace.accounts.visitor import Visitor, sign

SIGN_IN, LINK = "/account/wallet/by-hand", "/account/wallet/link-by-hand"
LINK_TO_PAY = "/account/wallet/link-to-pay-by-hand"
Another = Callable[[], Visitor]


def page(answer: Any) -> str:
    return html.unescape(answer.content.decode())


def asked(visitor: Visitor, where: str, who: Person = Cast.buyer, **fields: str) -> str:
    """The text as it stands on the page."""
    answer = visitor.client.post(where, {"action": "question", "address": who.address, **fields})
    assert answer.status_code == 200, answer
    found = re.search(r"<textarea[^>]*>(.*?)</textarea>", page(answer), re.DOTALL)
    assert found is not None
    return found[1]


def shown(visitor: Visitor, where: str, text: str, signature: str, **fields: str) -> Any:
    """As a form sends it: lines end with CR LF, and what was pasted has a line end too many."""
    typed = {"text": text.replace("\n", "\r\n"), "signature": f" {signature}\n", **fields}
    return visitor.client.post(where, {"action": "prove", **typed})


def linked() -> list[tuple[str, bool]]:
    return list(Wallet.objects.values_list("address", "pays_only"))


@pytest.mark.parametrize(("where", "pays"), [(LINK, False), (LINK_TO_PAY, True)])
def test_a_wallet_is_linked_and_its_signature_counts_once(
    visitor: Visitor, where: str, pays: bool
) -> None:
    visitor.sign_up()
    assert where in page(visitor.client.get("/account/"))
    assert "<form" in page(visitor.client.get(where))
    text = asked(visitor, where)
    assert ("to pay and not to enter it" in text) is pays
    answer = shown(visitor, where, text, sign(text, Cast.buyer))
    assert (answer.status_code, answer["Location"]) == (302, "/account/")
    assert linked() == [(Cast.buyer.address, pays)]

    Wallet.objects.all().delete()
    again = shown(visitor, where, text, sign(text, Cast.buyer), address=Cast.buyer.address)
    assert again.status_code == 422
    assert UNPROVEN in page(again)
    assert text in page(again).replace("\r\n", "\n"), "what was typed is still there"
    assert linked() == []


def test_a_wallet_signs_in_and_comes_back_to_where_one_was(
    visitor: Visitor, another: Another
) -> None:
    there = "/p/1?x=1&y=2"
    sign_in = page(visitor.client.get("/account/sign-in", {"next": there}))
    assert f"{SIGN_IN}?next=/p/1%3Fx%3D1%26y%3D2" in sign_in
    text = asked(visitor, SIGN_IN)
    answer = shown(visitor, SIGN_IN, text, sign(text, Cast.buyer), next=there)
    assert answer["Location"] == there
    assert visitor.user is not None
    thief = another()
    assert shown(thief, SIGN_IN, text, sign(text, Cast.buyer)).status_code == 422
    assert thief.user is None


def test_what_a_text_is_for_and_who_signs_it_decides(visitor: Visitor, another: Another) -> None:
    visitor.sign_up()
    to_link = asked(visitor, LINK)
    for where in (LINK_TO_PAY, SIGN_IN):
        assert shown(visitor, where, to_link, sign(to_link, Cast.buyer)).status_code == 422
    assert shown(visitor, LINK, to_link, sign(to_link, Cast.attacker)).status_code == 422
    other = another()
    other.sign_up("eve")
    assert shown(other, LINK, to_link, sign(to_link, Cast.buyer)).status_code == 422
    assert linked() == []
    assert shown(visitor, LINK, to_link, sign(to_link, Cast.buyer)).status_code == 302


def test_a_wallet_that_pays_only_does_not_sign_in_this_way_either(
    visitor: Visitor, another: Another
) -> None:
    visitor.sign_up()
    visitor.link(Cast.buyer, pays=True)
    agent = another()
    text = asked(agent, SIGN_IN)
    answer = shown(agent, SIGN_IN, text, sign(text, Cast.buyer))
    assert (answer.status_code, agent.user) == (403, None)
    assert PAYS_ONLY in page(answer)
    text = asked(visitor, LINK)
    answer = shown(visitor, LINK, text, sign(text, Cast.buyer))
    assert OTHERWISE in page(answer)
    assert linked() == [(Cast.buyer.address, True)]


def test_what_is_no_address_gets_no_text(visitor: Visitor) -> None:
    answer = visitor.client.post(SIGN_IN, {"action": "question", "address": "vitalik"})
    assert answer.status_code == 422
    assert NO_ADDRESS in page(answer)
    assert 'value="vitalik"' in page(answer)


def test_tries_are_counted_with_those_of_the_browsers_wallets(
    visitor: Visitor, settings: Settings
) -> None:
    settings.SIGN_IN_TRIES = 1
    for _ in range(throttle.NETWORK_FACTOR - 1):
        assert shown(visitor, SIGN_IN, "x", "0x").status_code == 422
    assert visitor.show("x", "0x").status_code == 422
    answer = shown(visitor, SIGN_IN, "x", "0x")
    assert answer.status_code == 429
    assert throttle.TOO_OFTEN in page(answer)


def test_linking_asks_for_a_sign_in_of_a_moment_ago_before_anything_is_signed(
    visitor: Visitor,
) -> None:
    assert Client().get(LINK)["Location"].startswith("/account/sign-in?next=")
    visitor.sign_up()
    visitor.wait(3600)
    assert "again=1" in visitor.client.get(LINK_TO_PAY)["Location"]


def test_a_contract_is_asked_for_its_network_where_there_are_several(
    visitor: Visitor, settings: Settings
) -> None:
    settings.CHAINS = {each: dict(CHAIN_DEFAULTS) for each in ("eip155:8453", NETWORK)}
    assert "<select" in page(visitor.client.get(SIGN_IN))
    assert "Chain ID: 84532\n" in asked(visitor, SIGN_IN, network=NETWORK)
    assert "Chain ID: 8453\n" in asked(visitor, SIGN_IN, network="eip155:1")


def test_the_lines_of_the_guide_link_an_agents_wallet(visitor: Visitor, tmp_path: Path) -> None:
    (source,) = [each for each in blocks("docs/buy.md", "python") if "sys.stdin" in each]
    (tmp_path / "key").write_text(f"{Cast.buyer.private_key.removeprefix('0x')}\n")

    def signed(text: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", source],
            cwd=tmp_path, input=f"{text}\n", capture_output=True, text=True, timeout=60,
            check=False,
        )  # fmt: skip

    visitor.sign_up()
    text = asked(visitor, LINK_TO_PAY)
    done = signed(text)
    assert done.stderr == ""
    assert shown(visitor, LINK_TO_PAY, text, done.stdout).status_code == 302
    assert linked() == [(Cast.buyer.address, True)]
    assert User.objects.count() == 1
    other = signed(asked(visitor, LINK))
    assert (other.stdout, other.stderr) == ("", "This text is for something else.\n")
