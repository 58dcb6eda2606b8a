"""The audit log for admins: who did what, by person, act or thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from marketplace.access import admin_only
from payments import audit_log
from payments.audit_log import head, user
from payments.reports.audit import Asked, position, read
from payments.serving.spreadsheets import download
from sellers.models import ApiKey, Listing, Seller

TEXT_CHARACTERS_MAX: Final = 200
KINDS: Final = {
    "": "Everything",
    "listing": "Listings",
    "payout": "Payout wallets",
    "key": "API keys",
    "webhook": "Webhooks",
    "limits": "Buyers' limits",
    "account": "Accounts",
    "wallet": "Wallets to sign in with",
    "role": "Roles",
    "second_factor": "Second factors",
    "dispute": "Disputes",
    "report": "Reports",
    "ledger": "Ledger",
    "relayer": "Relayers",
    "secrets": "Keys",
    "database": "Database",
}


@admin_only
@require_safe
def log(request: HttpRequest) -> HttpResponse:
    """The newest entries that fit, and where it ends."""
    given = {
        name: request.GET.get(name, "").replace("\0", "").strip()[:TEXT_CHARACTERS_MAX]
        for name in ("who", "kind", "of")
    }
    given["kind"] = given["kind"] if given["kind"] in KINDS else ""
    before = position(request.GET.get("before", ""))
    asked = Asked(_actor(given["who"]), given["kind"], _subject(given["of"]), before)
    page = read(asked, _names)
    context = {
        "page": page,
        "given": given,
        "kinds": KINDS,
        "narrowed": any(given.values()),
        "older": page.older_href(**given),
        "is_first": before is None,
        "head": head(),
    }
    return render(request, "operator/audit.html", context)


@admin_only
@require_safe
def export(request: HttpRequest) -> HttpResponse:
    """The whole log as a file, the same as `manage.py audit export` writes."""
    name = f"audit-{timezone.now():%Y-%m-%d}.jsonl"
    # Of a page that streams the type checker knows only that it answers.
    return download(request, name, "application/jsonl", audit_log.export())  # type: ignore[return-value]


def _actor(text: str) -> str:
    """Whoever is meant: by the name they sign in with, or as the log names them."""
    person = User.objects.filter(username=text).first() if text else None
    return user(person.pk) if person else text


def _subject(text: str) -> str:
    """What is meant: a listing or a seller by its address, a wallet, a person, or as written."""
    seller, slash, slug = text.partition("/")
    if slash:
        found = Listing.objects.filter(seller__slug=seller, slug=slug).first()
        return f"listing:{found.pk}" if found else text
    if text.startswith("0x"):
        return f"wallet:{text}"
    known = Seller.objects.filter(slug=text).first() if text else None
    return f"seller:{known.pk}" if known else _actor(text)


def _names(said: list[str]) -> Mapping[str, str]:
    """What people call those who stand on one page of the log, as far as they are still here."""
    numbers = [int(each[5:]) for each in said if each.startswith("user:") and each[5:].isdigit()]
    names = {user(each.pk): each.username for each in User.objects.filter(pk__in=numbers)}
    for found in Listing.objects.select_related("seller").filter(pk__in=_ids(said, "listing")):
        names[f"listing:{found.pk}"] = found.path
    for seller in Seller.objects.filter(pk__in=_ids(said, "seller")):
        names[f"seller:{seller.pk}"] = seller.slug
    for key in ApiKey.objects.select_related("seller").filter(pk__in=_ids(said, "key")):
        names[f"key:{key.pk}"] = f"a program of {key.seller.slug} ({key.prefix}…)"
    return names


def _ids(said: list[str], kind: str) -> list[UUID]:
    found = []
    for each in set(said):
        start, _, rest = each.partition(":")
        if start == kind:
            try:
                found.append(UUID(rest))
            except ValueError:
                continue
    return found
