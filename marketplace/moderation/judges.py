"""Whoever judges, as the rest of the house knows them."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.http import HttpRequest

from marketplace.access import person
from sellers.reviews.holds import Judge


def judge_of(request: HttpRequest) -> Judge:
    """The moderator who is signed in, with the wallets that would make a listing their own."""
    return judge_for(person(request))


def judge_for(user: User) -> Judge:
    """Somebody as a judge, whether or not they are here."""
    return Judge(user.pk, frozenset(user.wallets.values_list("address", flat=True)))
