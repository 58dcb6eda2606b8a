"""What a buyer lets each of their wallets spend: set here, enforced at the door."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from marketplace.access import acting, person, signed_in
from marketplace.buyers.limit_forms import (
    GroupForm,
    LimitsForm,
    MailForm,
    RulesForm,
    initial,
)
from payments.limits.alerts import lately, mail_from, set_mail_from
from payments.limits.groups import groups_of
from payments.limits.owners import group_holder
from payments.limits.setting import NotPossible, limits_of, set_limits
from payments.limits.sums import Standing, standings, terms_of, used_by
from payments.models import Limit, LimitGroup
from payments.wallets.payers import Payer, opening_wallets, payers_of
from sellers.webhooks.webhooks import webhooks_of

LATELY = timedelta(days=1)
SUMS_SHOWN_MAX = 12  # of one wallet or group: the fullest


@dataclass(frozen=True, slots=True)
class Refused:
    """A form that was sent back, and whose it is."""

    of: str  # a wallet, a group's id, or nothing for a new one
    form: RulesForm


@signed_in
@require_http_methods(["GET", "HEAD", "POST"])
def show(request: HttpRequest) -> HttpResponse:
    """Each wallet and group of the account with its rules, and how much of them is used."""
    if request.method != "POST":
        return limits_page(request)
    address = request.POST.get("wallet", "")
    chosen = next((each for each in payers_of(person(request)) if each.address == address), None)
    if chosen is None:
        raise Http404
    groups = list(groups_of(person(request).pk))
    form = LimitsForm(request.POST, prefix=address, groups=groups)
    if form.is_valid():
        try:
            set_limits(chosen, form.wishes, form.chosen_group, by=acting(request))
        except NotPossible as reason:
            form.add_error("group", str(reason))
    if form.errors:
        return limits_page(request, Refused(address, form))
    messages.success(request, "The limits hold from now on, for every call.")
    return redirect("buy-limits")


@signed_in
@require_POST
def set_mail(request: HttpRequest) -> HttpResponse:
    """From which threshold on letters are sent."""
    form = MailForm(request.POST)
    if form.is_valid():
        set_mail_from(person(request).pk, form.cleaned_data["mail_from"])
        messages.success(request, "Saved.")
    else:
        messages.error(request, "Choose one of the times for letters.")
    return redirect("buy-limits")


def limits_page(request: HttpRequest, refused: Refused | None = None) -> HttpResponse:
    """The whole page; with what was typed and could not be."""
    mine, groups = payers_of(person(request)), list(groups_of(person(request).pk))
    rows = {payer: limits_of(payer) for payer in mine}
    now = datetime.now(UTC)
    opening = opening_wallets(person(request))
    new_is_refused = refused is not None and refused.of == ""
    holders = [payer.address for payer in mine] + [group_holder(each.pk) for each in groups]
    context = {
        "alerts": lately(holders, now - LATELY),
        "mail": MailForm(initial={"mail_from": mail_from(person(request).pk)}),
        "hooks": webhooks_of(person(request)),
        "wallets": [
            {
                **_wallet(payer, row, groups, refused, now),
                "opens": row is not None and payer.address in opening,
            }
            for payer, row in rows.items()
        ],
        "groups": [_group(group, rows, opening, refused, now) for group in groups],
        "new": refused.form if refused and new_is_refused else GroupForm(prefix="new"),
        "new_is_refused": new_is_refused,
    }
    return render(request, "buyers/limits.html", context, status=422 if refused else 200)


def _wallet(
    payer: Payer,
    row: Limit | None,
    groups: Sequence[LimitGroup],
    refused: Refused | None,
    now: datetime,
) -> dict[str, Any]:
    is_refused = refused is not None and refused.of == payer.address
    form = LimitsForm(initial=initial(row), prefix=payer.address, groups=groups)
    return {
        "payer": payer,
        "limit": row,
        # A wallet that came from another account may still be in a group of that one.
        "group": next((each for each in groups if row and row.group_id == each.pk), None),
        "form": refused.form if refused and is_refused else form,
        "is_refused": is_refused,
        "sums": _fullest(row, now) if row else [],
    }


def _group(
    group: LimitGroup,
    rows: dict[Payer, Limit | None],
    opening: Set[str],
    refused: Refused | None,
    now: datetime,
) -> dict[str, Any]:
    is_refused = refused is not None and refused.of == str(group.pk)
    form = GroupForm(initial=initial(group), prefix=f"g{group.pk}")
    members = [row for row in rows.values() if row and row.group_id == group.pk]
    return {
        "group": group,
        "members": members,
        "opening": [row for row in members if row.pk in opening],
        "form": refused.form if refused and is_refused else form,
        "is_refused": is_refused,
        "sums": _fullest(group, now),
    }


def _fullest(row: Limit | LimitGroup, now: datetime) -> list[Standing]:
    """The hour and the day, then the sellers and listings that came nearest to their limits."""
    terms = terms_of(row)
    known = standings(terms, used_by(terms.holder, now), now)
    whole = [each for each in known if not each.sum.subject]
    parts = sorted((each for each in known if each.sum.subject), key=lambda each: -each.percent)
    return (whole + parts)[:SUMS_SHOWN_MAX]
