"""A seller before their browser, and moderators before theirs."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.contrib.auth.models import User
from django.test import Client
from pytest_django.fixtures import Settings

from marketplace.configuration.chains import CHAIN_DEFAULTS
from tests.fixtures.cast import Cast
from tests.fixtures.upstream import ScriptedUpstream, answer
from tests.marketplace.moderation.bench import as_moderator
from tests.sellers.desk import ASSET, NETWORK, Desk, open_desk


@pytest.fixture
def desk(db: None, settings: Settings, upstream: ScriptedUpstream) -> Desk:
    settings.CHAINS = {
        NETWORK: {**CHAIN_DEFAULTS, "RPC": ["http://127.0.0.1:1"], "ASSETS": [ASSET]}
    }
    settings.EGRESS_ALLOW = [f"127.0.0.0/8:{upstream.port}"]
    settings.SELLER_SECRETS_KEYS = [Fernet.generate_key().decode()]
    upstream.on("/weather", answer(b'{"celsius":21}'))
    return open_desk("atlas", Cast.seller, upstream.url)


@pytest.fixture
def moderator(desk: Desk) -> Client:
    return as_moderator(User.objects.create_user("mod"))


@pytest.fixture
def colleague(desk: Desk) -> Client:
    return as_moderator(User.objects.create_user("colleague"))
