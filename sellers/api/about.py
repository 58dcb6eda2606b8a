"""The rest of the API: who the key is, what can be charged in, wallets, notices, the schema."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from django.http import Http404, HttpRequest, JsonResponse
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sellers.api.access import endpoint, key_of, seller_of_key
from sellers.api.documents import network_document, notice_document
from sellers.api.schema import document, page_of, says
from sellers.api.shapes.about import About, Network, NoticeOut, ProfileShape
from sellers.api.shapes.base import checked
from sellers.notices import put_away, unseen
from sellers.profile import profiles
from sellers.site import this_site

EVERY = ("get", "post", "put", "patch", "delete")


@extend_schema(operation_id="me", summary="Who this key acts for", responses=says(About))
@endpoint(GET="")
def me(request: Request) -> Response:
    """The seller and what the key may do; any key may ask."""
    key = key_of(request)
    return Response(
        {
            "seller": key.seller.slug,
            "name": key.seller.name,
            "key": key.name,
            "scopes": key.scopes,
            "expires_at": key.expires_at,
        }
    )


@extend_schema(
    methods=["GET"],
    operation_id="profile",
    summary="What you say of yourself",
    responses=says(ProfileShape),
)
@extend_schema(
    operation_id="say_profile",
    summary="Say who you are",
    methods=["PUT"],
    request=ProfileShape,
    responses=says(ProfileShape),
)
@endpoint(GET="listings:read", PUT="listings:write")
def profile(request: Request) -> Response:
    """Read it, or replace it whole; a logo is named by the hash of a picture of theirs."""
    seller = seller_of_key(request)
    if request.method == "PUT":
        said = checked(ProfileShape, request.data)
        seller = profiles.write(seller, profiles.Profile(**said))
    return Response(asdict(profiles.profile_of(seller)))


@extend_schema(
    operation_id="networks",
    summary="What a call may be priced in",
    responses=says(page_of(Network)),
)
@endpoint(GET="")
def networks(request: Request) -> Response:
    """The tokens taken here, with the least and the most a call may cost."""
    site = this_site()
    return Response(
        {"items": [network_document(each, site) for each in site.accepted], "next": None}
    )


@extend_schema(
    operation_id="notices",
    summary="What happened while nobody looked",
    responses=says(page_of(NoticeOut)),
)
@endpoint(GET="listings:read")
def notices(request: Request) -> Response:
    """Notices that were not put away yet, newest first."""
    found = unseen(seller_of_key(request).pk)
    return Response({"items": [notice_document(each) for each in found], "next": None})


@extend_schema(
    operation_id="put_notice_away",
    summary="Put a notice away",
    request=None,
    responses=says(None, 204),
)
@endpoint(POST="listings:write")
def notice_seen(request: Request, notice_id: UUID) -> Response:
    """Show a notice no longer."""
    if not put_away(seller_of_key(request).pk, notice_id):
        raise Http404
    return Response(status=204)


@require_safe
def schema(request: HttpRequest) -> JsonResponse:
    """This API as an OpenAPI 3.1 document; it needs no key."""
    return JsonResponse(document(), headers={"Access-Control-Allow-Origin": "*"})


@extend_schema(exclude=True)
@endpoint(**{method.upper(): "" for method in EVERY})
def nowhere(request: Request, rest: str) -> Response:
    """What is at no address of this API."""
    raise Http404
