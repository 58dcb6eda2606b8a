"""Whether an address of mail is its account's: shown by the link of a letter that went there.

No way back in is sent to an address before that. Whoever mistypes theirs, or types somebody
else's, gives nobody a key to the account.
"""

from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import User
from django.core import signing
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Lower
from django.utils import timezone

from marketplace.accounts.models import ConfirmedMail, ConfirmRequest
from payments.audit_log import record
from payments.audit_log import user as audited

_SALT = "souk mail confirmation"


def is_confirmed(user: User) -> bool:
    """Whether letters to the address that stands in the account reach its owner."""
    return bool(user.email) and with_confirmed_mail().filter(pk=user.pk).exists()


def with_confirmed_mail() -> QuerySet[User]:
    """Everybody whose address is confirmed as it stands now."""
    known = User.objects.annotate(confirmed=Lower("mail__email"))
    return known.filter(confirmed=Lower(F("email"))).exclude(email="")


def ask_to_confirm(user: User) -> None:
    """Have a letter sent to the account's address; the worker writes it."""
    if not user.email or not settings.SENDS_MAIL:
        return
    fresh = {"email": user.email, "next_check_at": timezone.now(), "tries": 0}
    ConfirmRequest.objects.update_or_create(user=user, defaults=fresh)


def token_of(user: User) -> str:
    """What the letter's link holds: good for this account with this address, for a while."""
    return signing.dumps([user.pk, user.email], salt=_SALT)


def holder_of(token: str) -> User | None:
    """Whose address a link confirms; None when it is over, or the address is another by now."""
    try:
        pk, email = signing.loads(token, salt=_SALT, max_age=settings.MAIL_CONFIRM_SECONDS)
    except (signing.BadSignature, ValueError, TypeError):
        return None
    return User.objects.filter(pk=pk, email=email, is_active=True).first()


@transaction.atomic
def confirm(user: User) -> None:
    """From now on a way back in may go there."""
    kept = {"email": user.email, "since": timezone.now()}
    ConfirmedMail.objects.update_or_create(user=user, defaults=kept)
    record(audited(user.pk), "account.mail_confirmed", audited(user.pk))


def note_changed(user: User) -> None:
    """Write down that the address is another: never which, as the log is for good."""
    record(audited(user.pk), "account.mail_changed", audited(user.pk))
