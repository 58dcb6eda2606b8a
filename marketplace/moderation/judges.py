"""Whoever judges, as the rest of the house knows them."""

from __future__ import annotations

from django.http import HttpRequest

from marketplace.access import person
from sellers.holds import Judge


def judge_of(request: HttpRequest) -> Judge:
    """The moderator who is signed in, with the wallets that would make a listing their own."""
    user = person(request)
    return Judge(user.pk, frozenset(user.wallets.values_list("address", flat=True)))
