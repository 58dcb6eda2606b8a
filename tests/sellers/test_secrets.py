"""Secret headers at rest."""

from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from sellers.secrets import SecretsUnavailable, Vault

LISTING = uuid4()


@pytest.fixture
def keys():
    return [Fernet.generate_key().decode() for _ in range(2)]


def test_a_sealed_value_opens_for_its_own_header_in_any_case(keys):
    sealed = Vault(keys).seal(LISTING, "X-Api-Key", "secret")
    assert Vault(keys).open_all(LISTING, {"x-api-key": sealed}) == {"x-api-key": "secret"}


def test_keys_can_be_rotated(keys):
    old, new = keys
    sealed = Vault([old]).seal(LISTING, "x-key", "secret")
    assert Vault([new, old]).open(LISTING, "x-key", sealed) == "secret"
    with pytest.raises(SecretsUnavailable):
        Vault([new]).open(LISTING, "x-key", sealed)


@pytest.mark.parametrize(("listing", "name"), [(uuid4(), "x-key"), (LISTING, "x-other")])
def test_a_value_moved_elsewhere_does_not_open(keys, listing, name):
    vault = Vault(keys)
    with pytest.raises(SecretsUnavailable):
        vault.open(listing, name, vault.seal(LISTING, "x-key", "secret"))


@pytest.mark.parametrize("given", [[], ["short"], ["not a key at all"]])
def test_without_a_good_key_nothing_is_sealed(given):
    with pytest.raises(SecretsUnavailable, match="SELLER_SECRETS_KEYS"):
        Vault(given)
