"""Whose page it is, for pages about a seller's programs: signed in, selling, and their own."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.cache import never_cache

from sellers.directory import seller_of
from sellers.models import Seller

P = ParamSpec("P")
SELLERS_HOME = "/sell/"


def seller_only(
    view: Callable[Concatenate[HttpRequest, Seller, P], HttpResponse],
) -> Callable[Concatenate[HttpRequest, P], HttpResponse]:
    """Hand a view the seller who is signed in; others are shown how to become one."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: P.args, **named: P.kwargs) -> HttpResponse:
        if not request.user.is_authenticated:
            return redirect_to_login(request.get_full_path())
        seller = seller_of(request.user)
        if seller is None:
            return HttpResponseRedirect(SELLERS_HOME)
        return view(request, seller, *args, **named)

    return never_cache(guarded)  # type: ignore[return-value]  # it has the view's own type
