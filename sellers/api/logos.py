"""Logos over the API: a picture is given once, and named by its hash from then on."""

from __future__ import annotations

from base64 import b64decode
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from payments.wiring.site import public_url
from sellers.api.access import endpoint, seller_of_key
from sellers.api.creating import created
from sellers.api.schema import REPEATABLE, page_of, says
from sellers.api.shapes.about import LogoIn, LogoOut
from sellers.api.shapes.base import checked
from sellers.models import Logo
from sellers.profile import logos
from sellers.refusals import bad


@extend_schema(
    methods=["GET"],
    operation_id="logos",
    summary="The pictures you gave, newest first",
    responses=says(page_of(LogoOut)),
)
@extend_schema(
    methods=["POST"],
    operation_id="give_logo",
    summary="Give a picture",
    description="PNG, JPEG or WebP. Its hash is the `logo` of a profile, a draft or a listing; the"
    " same picture has the same hash.",
    parameters=[REPEATABLE],
    request=LogoIn,
    responses=says(LogoOut, 201),
)
@endpoint(GET="listings:read", POST="listings:write")
def index(request: Request) -> Response:
    """See what was given, or give one more."""
    seller = seller_of_key(request)
    if request.method != "POST":
        given = seller.logos.defer("picture").order_by("-created_at")
        return Response({"items": [_logo(each) for each in given], "next": None})
    picture = _picture(checked(LogoIn, request.data)["picture"])

    def create() -> dict[str, Any]:
        return _logo(seller.logos.get(hash=logos.keep(seller, picture)))

    return created(request, create)


def _picture(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        raise bad("picture", "the bytes of the picture in base64") from None


def _logo(logo: Logo) -> dict[str, Any]:
    return {
        "logo": logo.hash,
        "content_type": logo.content_type,
        "url": public_url(f"/logo/{logo.hash}"),
    }
