"""A seller's domain over the API: name it, have it looked at, give it up."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sellers.api.access import acting, endpoint, seller_of_key
from sellers.api.schema import says
from sellers.api.shapes.base import checked
from sellers.api.shapes.domain import DomainIn, DomainOut
from sellers.bells import ring_for_domain
from sellers.domains import claims
from sellers.domains.files import address_of
from sellers.models import Domain
from sellers.site import this_site


@extend_schema(
    methods=["GET"],
    operation_id="domain",
    summary="Your domain, what proves it, and what was found",
    responses=says(DomainOut),
)
@extend_schema(
    methods=["PUT"],
    operation_id="name_domain",
    summary="Name your domain",
    description="Put `line` into a file at `file`, then ask for a look at /domain/check. Another"
    " domain of yours counts no more at once.",
    request=DomainIn,
    responses=says(DomainOut),
)
@extend_schema(
    methods=["DELETE"],
    operation_id="give_domain_up",
    summary="Name no domain any more",
    responses=says(None, 204),
)
@endpoint(GET="listings:read", PUT="listings:write", DELETE="listings:write")
def domain(request: Request) -> Response:
    """Read it, name another, or none."""
    seller = seller_of_key(request)
    if request.method == "DELETE":
        claims.give_up(seller, by=acting(request))
        return Response(status=204)
    if request.method == "PUT":
        said = checked(DomainIn, request.data)
        claims.name_domain(seller, said["domain"], this_site(), by=acting(request))
    return Response(_document(claims.domain_of(seller)))


@extend_schema(
    operation_id="check_domain",
    summary="Have your domain looked at now",
    description="A worker looks; read /domain until `checking` is false.",
    request=None,
    responses=says(DomainOut, 202),
)
@endpoint(POST="listings:write")
def check(request: Request) -> Response:
    """Ask for a look; one that is under way is enough."""
    seller = seller_of_key(request)
    row = claims.ask(seller, this_site())
    transaction.on_commit(lambda: ring_for_domain(row.pk))
    return Response(_document(claims.domain_of(seller)), status=202)


def _document(row: Domain | None) -> dict[str, Any]:
    row = row or Domain()
    return {
        "domain": row.name or None,
        "file": str(address_of(row.name)) if row.name else None,
        "line": row.line if row.name else None,
        "checking": row.is_looked_at,
        "verified_at": row.verified_at,
        "seen_at": row.seen_at,
        "trouble": row.trouble,
        "fix": row.fix,
        "next_look_at": row.next_look_at,
    }
