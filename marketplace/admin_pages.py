"""Django's own admin, behind our own door: there is no way around the second factor."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme

from marketplace.access import admin_only, has_second_factor, is_admin


class AdminPages(AdminSite):
    """The tables, for admins who have shown a code in this session."""

    def has_permission(self, request: HttpRequest) -> bool:
        return is_admin(request.user) and has_second_factor(request)

    def login(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Whoever comes here is sent where every staff page sends them, and comes back."""
        return _enter(request)


@admin_only
def _enter(request: HttpRequest) -> HttpResponse:
    wanted = request.GET.get("next", "")
    safe = url_has_allowed_host_and_scheme(wanted, allowed_hosts={request.get_host()})
    return redirect(wanted if safe else "admin:index")
