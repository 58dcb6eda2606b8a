"""Somebody with a browser and perhaps a wallet, as the accounts' pages see them."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.models import Group, User
from django.test import Client
from eth_account.messages import encode_defunct

from marketplace.accounts import second_factor, totp
from marketplace.accounts.models import Session
from tests.fixtures.cast import Cast, Person

PASSWORD = "eleven blue kettles"
NETWORK = "81.2.69.142"


def sign(text: str, who: Person) -> str:
    return "0x" + who.account.sign_message(encode_defunct(text=text)).signature.hex()


class Visitor:
    """A browser, which keeps its cookies."""

    def __init__(self, network: str = NETWORK) -> None:
        self.client = Client(REMOTE_ADDR=network, headers={"user-agent": "Firefox/140 Linux"})

    # By wallet

    def text(self, who: Person, *, link: bool = False, pays: bool = False, **fields: Any) -> str:
        path = "/account/wallet/ask-to-link" if link else "/account/wallet/ask"
        path += "-to-pay" if pays else ""
        answer = self.client.post(path, {"address": who.address, **fields})
        assert answer.status_code == 200, answer.content
        return str(answer.json()["text"])

    def show(
        self, text: str, signature: str, *, link: bool = False, pays: bool = False, **fields: Any
    ) -> Any:
        path = "/account/wallet/link" if link else "/account/wallet/sign-in"
        path += "-to-pay" if pays else ""
        return self.client.post(path, {"text": text, "signature": signature, **fields})

    def enter_by_wallet(self, who: Person = Cast.seller, **fields: Any) -> Any:
        text = self.text(who)
        return self.show(text, sign(text, who), **fields)

    def link(self, who: Person, *, pays: bool = False) -> Any:
        text = self.text(who, link=True, pays=pays)
        return self.show(text, sign(text, who), link=True, pays=pays)

    # By password

    def sign_up(self, name: str = "ada", password: str = PASSWORD, **fields: Any) -> Any:
        given = {"name": name, "password": password, "email": "", **fields}
        return self.client.post("/account/sign-up", given)

    def enter(self, name: str = "ada", password: str = PASSWORD, **fields: Any) -> Any:
        given = {"name": name, "password": password, **fields}
        return self.client.post("/account/sign-in", given)

    # Who this is

    @property
    def user(self) -> User | None:
        row = Session.objects.filter(pk=self.key).select_related("user").first()
        return row.user if row else None

    @property
    def key(self) -> str:
        kept = self.client.cookies.get("sessionid")
        return kept.value if kept else ""

    def wait(self, seconds: int) -> None:
        """Make it so long since this browser signed in."""
        session = self.client.session
        session["signed_in_at"] -= seconds
        session.save()

    # The second factor

    def take_up(self) -> tuple[bytes, list[str]]:
        """A second factor for whoever is signed in: the key, and the recovery codes."""
        self.client.get("/account/second-factor/new")
        assert self.user is not None
        secret = second_factor.opened(self.user, self.client.session["second_factor_offer"])
        assert secret is not None
        page = self.client.post("/account/second-factor/new", {"code": totp.code_now(secret)})
        assert page.status_code == 200, page.content
        return secret, re.findall(r"(?:[a-z2-9]{4}-){3}[a-z2-9]{4}", page.content.decode())


def make_moderator(name: str = "ada") -> User:
    user = User.objects.create_user(name, password=PASSWORD)
    user.groups.add(Group.objects.get(name="moderators"))
    return user
