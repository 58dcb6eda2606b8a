"""Health over the API: whether a listing works, and how that is to be known."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sellers.api.access import endpoint, seller_of_key
from sellers.api.documents import health_document, own_listing
from sellers.api.schema import says
from sellers.api.shapes.base import checked
from sellers.api.shapes.health import HealthIn, HealthOut
from sellers.health.health import choose_way
from sellers.models import Health
from sellers.site import this_site


@extend_schema(
    methods=["GET"],
    operation_id="health",
    summary="How a listing is, and how that is known",
    responses=says(HealthOut),
)
@extend_schema(
    methods=["PUT"],
    operation_id="choose_health",
    summary="Say how a listing's health is to be known",
    description="`url` needs a health address; `example` says that the example call is safe to"
    " repeat; `calls` asks nothing besides what buyers ask.",
    request=HealthIn,
    responses=says(HealthOut),
)
@endpoint(GET="listings:read", PUT="listings:write")
def health(request: Request, listing_id: UUID) -> Response:
    """Whether it works."""
    listing = own_listing(seller_of_key(request), listing_id)
    if request.method == "PUT":
        said = checked(HealthIn, request.data)
        return Response(health_document(choose_way(listing, said["way"], said["url"], this_site())))
    known = Health.objects.filter(listing=listing).first()
    return Response(health_document(known or Health(listing=listing)))
