"""What cannot be taken back is asked about first, also in a browser without scripts."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.utils import timezone

from marketplace.accounts.models import Wallet
from tests.fixtures.browsers import fresh
from tests.fixtures.cast import Cast
from tests.fixtures.foreign import Marked

ASKING = re.compile(r"<(dialog|noscript)\b.*?</\1>", re.DOTALL)


@pytest.fixture
def browser(marked: Marked) -> Client:
    owner = marked.seller.owner
    assert owner is not None
    agent = {"address": Cast.buyer.address, "user": owner, "pays_only": True}
    Wallet.objects.create(**agent, linked_at=timezone.now())
    return fresh(owner)


@pytest.mark.parametrize(
    ("page", "act", "words"),
    [
        ("/sell/", "/sell/drafts/{worksheet_id}/discard", "gone for good"),
        ("/sell/keys", "/sell/keys/{key_id}/revoke", "refused from now on"),
        ("/sell/payouts/", "/sell/payouts/revoke", "is paused at once"),
        ("/sell/webhooks/{hook_id}/", "/sell/webhooks/{hook_id}/remove", "its log"),
        ("/account/", "/account/wallet/unlink", "Every other browser of yours is signed out"),
        ("/buy/limits/", "/buy/limits/groups/{group_id}/close", "Its limits hold no more"),
    ],
)
def test_a_page_says_what_happens_before_it_happens(
    marked: Marked, browser: Client, page: str, act: str, words: str
) -> None:
    shown = browser.get(page.format(**marked.subjects)).content.decode()
    form = f'action="{act.format(**marked.subjects)}"'
    with_script, without = (
        next(part[0] for part in ASKING.finditer(shown) if part[1] == tag and form in part[0])
        for tag in ("dialog", "noscript")
    )
    assert words in " ".join(with_script.split())
    assert words in " ".join(without.split())
    assert "<summary" in without
    opener = re.search(r'<dialog id="([^"]+)"', with_script)
    assert opener is not None
    assert shown.count(f'id="{opener[1]}"') == 1
    assert f'commandfor="{opener[1]}" command="show-modal"' in shown
    assert form not in ASKING.sub("", shown), "no button does it at once"
