"""The headers that let a listing's calls into its upstream, kept readable only here."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from uuid import UUID

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from sellers.refusals import bad

VALUE_CHARACTERS_MAX = 2048


class SecretsUnavailable(Exception):
    """Secrets cannot be sealed or opened with the keys this site was given."""


class Vault:
    """Seals and opens header values. The first key seals, every key opens: so keys can rotate."""

    def __init__(self, keys: Sequence[str]) -> None:
        if not keys:
            raise SecretsUnavailable(
                "SELLER_SECRETS_KEYS is empty; give one Fernet key, and listings can have secret "
                'headers: python3 -c "from cryptography.fernet import Fernet; '
                'print(Fernet.generate_key().decode())"'
            )
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys])
        except ValueError:
            raise SecretsUnavailable("SELLER_SECRETS_KEYS holds what is no Fernet key") from None

    def seal(self, listing_id: UUID, name: str, value: str) -> bytes:
        """Encrypt a value for this header of this listing and no other."""
        sealed = [str(listing_id), name.lower(), value]
        return self._fernet.encrypt(json.dumps(sealed).encode())

    def open(self, listing_id: UUID, name: str, sealed: bytes) -> str:
        """Read a value back; a row moved from another listing does not open."""
        try:
            listing, header, value = json.loads(self._fernet.decrypt(bytes(sealed)))
        except InvalidToken:
            raise SecretsUnavailable(f"header {name} was sealed with a key that is gone") from None
        if (listing, header) != (str(listing_id), name.lower()):
            raise SecretsUnavailable(f"header {name} was sealed for another listing")
        return str(value)

    def open_all(self, listing_id: UUID, sealed: Mapping[str, bytes]) -> dict[str, str]:
        """Read every secret header of a listing."""
        return {name: self.open(listing_id, name, value) for name, value in sealed.items()}


def header_value(name: str, value: str) -> str:
    """A secret header's value, or a refusal that does not repeat it."""
    if not value or len(value) > VALUE_CHARACTERS_MAX:
        raise bad(name, f"a header's value has 1 to {VALUE_CHARACTERS_MAX} characters")
    if not value.isascii() or not value.isprintable() or value != value.strip():
        raise bad(name, "a header's value is printable ASCII without spaces around it")
    return value
