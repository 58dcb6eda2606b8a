"""Whether letters reach somebody: `{% load letters %}`, then `{% letters_to user as letters %}`."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.conf import settings
from django.contrib.auth.models import User

from marketplace.accounts import mail

register = template.Library()


@dataclass(frozen=True, slots=True)
class Letters:
    """What stands between somebody and their letters."""

    are_sent: bool
    address: str
    arrive: bool


@register.simple_tag
def letters_to(user: User) -> Letters:
    """`{% letters_to user as letters %}`: sent by this site at all, to which address, confirmed."""
    arrive = settings.SENDS_MAIL and mail.is_confirmed(user)
    return Letters(settings.SENDS_MAIL, user.email, arrive)
