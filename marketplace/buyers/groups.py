"""Wallets of a buyer that spend from one purse: the group is opened, changed and closed here."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from marketplace.access import acting, person, signed_in
from marketplace.buyers.limit_forms import GroupForm
from marketplace.buyers.limits import Refused, limits_page
from payments.limits.groups import change_group, close_group, groups_of, open_group, pause_group
from payments.limits.setting import NotPossible


@signed_in
@require_POST
def start(request: HttpRequest) -> HttpResponse:
    """A new group; wallets are put into it one by one."""
    form = GroupForm(request.POST, prefix="new")
    if form.is_valid():
        try:
            open_group(person(request).pk, form.wishes, by=acting(request))
        except NotPossible as reason:
            form.add_error("name", str(reason))
    if form.errors:
        return limits_page(request, Refused("", form))
    messages.success(request, "The group is there. Choose it at each wallet that belongs to it.")
    return redirect("buy-limits")


@signed_in
@require_POST
def change(request: HttpRequest, group_id: UUID) -> HttpResponse:
    """Another name or other limits."""
    _insist_own(request, group_id)
    form = GroupForm(request.POST, prefix=f"g{group_id}")
    if form.is_valid():
        try:
            change_group(person(request).pk, group_id, form.wishes, by=acting(request))
        except NotPossible as reason:
            form.add_error("name", str(reason))
    if form.errors:
        return limits_page(request, Refused(str(group_id), form))
    messages.success(request, "The limits of the group hold from now on, for all of its wallets.")
    return redirect("buy-limits")


@signed_in
@require_POST
def act(request: HttpRequest, group_id: UUID, what: str) -> HttpResponse:
    """Pause all of its wallets, let them go on, or close it."""
    _insist_own(request, group_id)
    owner, by = person(request).pk, acting(request)
    if what == "pause":
        pause_group(owner, group_id, True, by=by)
        messages.success(request, "Paused: none of its wallets pays for anything.")
    elif what == "resume":
        pause_group(owner, group_id, False, by=by)
        messages.success(request, "Its wallets pay again, within their limits.")
    elif what == "close":
        close_group(owner, group_id, by=by)
        messages.success(request, "Closed. Its wallets keep the limits of their own.")
    else:
        raise Http404
    return redirect("buy-limits")


def _insist_own(request: HttpRequest, group_id: UUID) -> None:
    if not groups_of(person(request).pk).filter(pk=group_id).exists():
        raise Http404
