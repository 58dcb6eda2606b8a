"""An account's tests: quick hashes, no chain to ask, and visitors with wallets."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_django.fixtures import Settings

from tests.marketplace.accounts.visitor import Visitor


@pytest.fixture(autouse=True)
def quick(settings: Settings, db: None) -> None:
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.CHAINS = {}


@pytest.fixture
def visitor() -> Visitor:
    return Visitor()


@pytest.fixture
def another() -> Callable[[], Visitor]:
    """One more browser."""
    return Visitor
