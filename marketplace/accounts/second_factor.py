"""The second factor: a phone's changing code, or a code on paper, each good once."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import secrets
import time
from typing import Final

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from marketplace.accounts import throttle, totp
from marketplace.accounts.models import RecoveryCode, SecondFactor
from payments.audit_log import SYSTEM, record
from payments.audit_log import user as audited

CODES: Final = 10
_CODE_LETTERS: Final = "abcdefghjkmnpqrstuvwxyz23456789"  # none that looks like another
_CODE_LENGTH: Final = 16
_TOTP = re.compile(r"[0-9]{6}")


def is_enrolled(user: User) -> bool:
    """Whether this person has a second factor."""
    return SecondFactor.objects.filter(user=user).exists()


def offer(user: User) -> str:
    """A new secret, sealed: it waits in the session until a first code proves it was taken."""
    return _seal(user, totp.new_secret())


def opened(user: User, sealed: str) -> bytes | None:
    """The secret of an offer that was made to this person."""
    return _open(user, sealed.encode())


def enrol(user: User, sealed: str, code: str, *, by: str = SYSTEM) -> list[str] | None:
    """Take an offer up with its first code; returns the recovery codes, or None."""
    secret = _open(user, sealed.encode())
    step = totp.step_of(secret, _plain(code), int(time.time())) if secret else None
    if step is None:
        return None
    with transaction.atomic():
        kept = {"sealed": sealed.encode(), "last_step": step, "since": timezone.now()}
        SecondFactor.objects.update_or_create(user=user, defaults=kept)
        codes = _fresh_codes(user)
        record(by, "second_factor.taken_up", audited(user.pk))
        return codes


@transaction.atomic
def new_codes(user: User, *, by: str = SYSTEM) -> list[str]:
    """Fresh recovery codes, to be shown once; the older ones are void."""
    codes = _fresh_codes(user)
    record(by, "second_factor.codes_renewed", audited(user.pk))
    return codes


def _fresh_codes(user: User) -> list[str]:
    codes = [_new_code() for _ in range(CODES)]
    with transaction.atomic():
        RecoveryCode.objects.filter(user=user).delete()
        rows = [RecoveryCode(user=user, hash=_hash(code)) for code in codes]
        RecoveryCode.objects.bulk_create(rows)
    return codes


def codes_left(user: User) -> int:
    """How many recovery codes are still good."""
    return RecoveryCode.objects.filter(user=user, used_at=None).count()


@transaction.atomic
def remove(user: User, *, by: str = SYSTEM) -> None:
    """Do without a second factor from now on."""
    SecondFactor.objects.filter(user=user).delete()
    RecoveryCode.objects.filter(user=user).delete()
    record(by, "second_factor.removed", audited(user.pk))


def is_right(user: User, code: str) -> bool:
    """Use a code up; a phone's or one on paper. Ask `throttle.may_try_code` first."""
    plain = _plain(code)
    right = _use_step(user, plain) if _TOTP.fullmatch(plain) else _use_recovery(user, plain)
    if right:
        throttle.code_was_right(user.pk)
    return right


def present_code(user: User) -> str | None:
    """The code that this person's phone shows: for a demo that nobody has a phone for."""
    factor = SecondFactor.objects.filter(user=user).first()
    secret = _open(user, bytes(factor.sealed)) if factor else None
    if factor is None or secret is None:
        return None
    return totp.code_now(secret, after=factor.last_step)


def _use_step(user: User, code: str) -> bool:
    factor = SecondFactor.objects.filter(user=user).first()
    secret = _open(user, bytes(factor.sealed)) if factor else None
    step = totp.step_of(secret, code, int(time.time())) if secret else None
    if step is None:
        return False
    # Of two who send one code at once, the second finds it used.
    return bool(SecondFactor.objects.filter(user=user, last_step__lt=step).update(last_step=step))


def _use_recovery(user: User, code: str) -> bool:
    good = RecoveryCode.objects.filter(user=user, hash=_hash(code), used_at=None)
    return bool(good.update(used_at=timezone.now()))


def _plain(code: str) -> str:
    return re.sub(r"[\s-]", "", code).lower()


def _new_code() -> str:
    letters = "".join(secrets.choice(_CODE_LETTERS) for _ in range(_CODE_LENGTH))
    return "-".join(letters[at : at + 4] for at in range(0, _CODE_LENGTH, 4))


def _hash(code: str) -> bytes:
    """79 random bits need no slow hash."""
    return hashlib.sha256(f"souk recovery {_plain(code)}".encode()).digest()


def _seal(user: User, secret: bytes) -> str:
    said = json.dumps([user.pk, base64.b64encode(secret).decode()])
    return _vault().encrypt(said.encode()).decode()


def _open(user: User, sealed: bytes) -> bytes | None:
    """The secret, where it was sealed for this person and with a key that is still known."""
    try:
        owner, secret = json.loads(_vault().decrypt(sealed))
    except InvalidToken:
        return None
    return base64.b64decode(secret) if owner == user.pk else None


def _vault() -> MultiFernet:
    """The site's rotating keys; one made of SECRET_KEY where there are none."""
    keys = [*settings.SELLER_SECRETS_KEYS, key_of_a_bare_site()]
    return MultiFernet([Fernet(key) for key in keys])


def key_of_a_bare_site() -> str:
    """What a site without keys seals with; it opens for good what was sealed with it then."""
    derived = hashlib.sha256(f"souk second factor {settings.SECRET_KEY}".encode()).digest()
    return base64.urlsafe_b64encode(derived).decode()
