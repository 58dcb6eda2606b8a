"""A key is shown once, does what it may, and ends when it is revoked or over."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from sellers.models import ApiKey, Seller
from sellers.programs import keys
from sellers.refusals import ListingRefused, Why
from tests.fixtures.hooks import sign_up

pytestmark = pytest.mark.django_db


@pytest.fixture
def acme() -> Seller:
    return sign_up("acme")


def test_only_its_hash_is_kept(acme: Seller) -> None:
    issued = keys.issue(acme, "Robot", keys.PRESETS["read-only"])
    row = ApiKey.objects.values().get()
    assert issued.key not in str(row)
    assert issued.key.startswith(row["prefix"])
    assert len(issued.key) - len(row["prefix"]) >= 32, "what is not shown is long enough"
    found = keys.recognise(issued.key)
    assert found is not None
    assert found.seller == acme


@pytest.mark.parametrize("shown", ["", "souk_", "souk_" + "x" * 43, "Bearer", "souk_" + "é" * 43])
def test_what_is_no_key_is_not_recognised(acme: Seller, shown: str) -> None:
    keys.issue(acme, "Robot", ["money:read"])
    assert keys.recognise(shown) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda key: ApiKey.objects.update(revoked_at=timezone.now()),
        lambda key: ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1)),
        lambda key: type(key.seller.owner).objects.update(is_active=False),
    ],
    ids=["revoked", "over", "its owner's account is closed"],
)
def test_a_key_that_ended_is_not_recognised(acme: Seller, change: Callable[[ApiKey], Any]) -> None:
    issued = keys.issue(acme, "Robot", ["money:read"], expires_days=1)
    assert keys.recognise(issued.key) is not None
    change(issued.row)
    assert keys.recognise(issued.key) is None


def test_its_use_is_noted_at_most_once_a_minute(acme: Seller) -> None:
    issued = keys.issue(acme, "Robot", ["money:read"])
    keys.recognise(issued.key)
    first = ApiKey.objects.get().last_used_at
    assert first is not None
    keys.recognise(issued.key)
    assert ApiKey.objects.get().last_used_at == first
    ApiKey.objects.update(last_used_at=first - timedelta(seconds=61))
    keys.recognise(issued.key)
    assert ApiKey.objects.get().last_used_at > first


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"name": "\u200b"}, "name"),
        ({"scopes": []}, "scopes"),
        ({"scopes": ["keys:write"]}, "scopes"),
        ({"expires_days": 0}, "expires_days"),
        ({"expires_days": 10**9}, "expires_days"),
    ],
)
def test_odd_keys_are_refused(acme: Seller, changed: dict[str, Any], field: str) -> None:
    with pytest.raises(ListingRefused) as refused:
        keys.issue(**{"seller": acme, "name": "Robot", "scopes": ["money:read"], **changed})
    assert refused.value.field == field


def test_no_scope_lets_a_key_manage_keys() -> None:
    assert not any(scope.startswith("keys") for scope in keys.SCOPES)
    assert all(set(scopes) <= set(keys.SCOPES) for scopes in keys.PRESETS.values())


def test_a_seller_has_a_limit_of_keys(acme: Seller, settings: Any) -> None:
    settings.API_KEYS_PER_SELLER_MAX = 1
    first = keys.issue(acme, "One", ["money:read"])
    with pytest.raises(ListingRefused) as refused:
        keys.issue(acme, "Two", ["money:read"])
    assert refused.value.why is Why.TOO_MANY
    keys.revoke(acme, first.row.pk)
    keys.issue(acme, "Two", ["money:read"])


def test_a_key_that_ran_out_takes_no_place(acme: Seller, settings: Any) -> None:
    settings.API_KEYS_PER_SELLER_MAX = 1
    keys.issue(acme, "One", ["money:read"], expires_days=1)
    ApiKey.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    keys.issue(acme, "Two", ["money:read"], expires_days=1)
    with pytest.raises(ListingRefused):
        keys.issue(acme, "Three", ["money:read"])


def test_a_key_of_another_seller_cannot_be_revoked(acme: Seller) -> None:
    issued = keys.issue(acme, "Robot", ["money:read"])
    assert not keys.revoke(sign_up("rival"), issued.row.pk)
    assert keys.recognise(issued.key) is not None


def test_keys_out_of_use_are_forgotten_in_time(acme: Seller) -> None:
    old, late, works = (keys.issue(acme, name, ["money:read"]) for name in ("a", "b", "c"))
    ApiKey.objects.filter(pk=old.row.pk).update(revoked_at=timezone.now() - timedelta(days=31))
    ApiKey.objects.filter(pk=late.row.pk).update(expires_at=timezone.now() - timedelta(days=29))
    assert keys.forget_keys() == 1
    assert {key.name for key in keys.keys_of(acme)} == {"b", "c"}
    assert works.row.pk in {key.pk for key in keys.keys_of(acme)}
