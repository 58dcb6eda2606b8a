"""Who judges listings: moderators, and whoever runs the site."""

from __future__ import annotations

from typing import Final

from django.contrib.auth.models import User
from django.db.models import Q, QuerySet

MODERATORS: Final = "moderators"  # the group, made by a migration of the accounts


def judges() -> QuerySet[User]:
    """Everybody who may say yes or no as things stand now."""
    runs_it = Q(is_staff=True) | Q(is_superuser=True)
    moderates = User.objects.filter(groups__name=MODERATORS).values("pk")
    return User.objects.filter(runs_it | Q(pk__in=moderates), is_active=True)


def may_judge(user_id: int) -> bool:
    """Whether this is one of them."""
    return judges().filter(pk=user_id).exists()
