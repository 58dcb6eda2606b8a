"""Listings over the API: the same steps as on the pages, with the same refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from django.db.models import QuerySet
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sellers import listings
from sellers.api import shapes
from sellers.api.access import endpoint, seller_of_key
from sellers.api.creating import created
from sellers.api.documents import health_document, history, listing_document
from sellers.api.pages import paged
from sellers.api.schema import BEFORE, LIMIT, REPEATABLE, page_of, says
from sellers.drafts import Draft, finish
from sellers.health import choose_way
from sellers.models import Health, Listing, Seller
from sellers.prices import Ask
from sellers.refusals import bad
from sellers.secrets import Vault, header_name
from sellers.site import Site, this_site
from sellers.terms import Sample, Terms

MOVES: Mapping[str, Callable[[UUID], Listing]] = {
    "submit": listings.submit,
    "pause": listings.pause,
    "resume": listings.resume,
    "retire": listings.retire,
}
Secrets = Mapping[str, str | None]


@extend_schema(
    methods=["GET"],
    operation_id="listings",
    summary="Your listings, newest first",
    parameters=[BEFORE, LIMIT],
    responses=says(page_of(shapes.ListingOut)),
)
@extend_schema(
    methods=["POST"],
    operation_id="create_listing",
    summary="Create a draft",
    description="It is for nobody to see until it is submitted and approved.",
    parameters=[REPEATABLE],
    request=shapes.ListingIn,
    responses=says(shapes.ListingWhole, 201),
)
@endpoint(GET="listings:read", POST="listings:write")
def index(request: Request) -> Response:
    """List what is sold, or create a draft."""
    site, seller = this_site(), seller_of_key(request)
    if request.method != "POST":
        return paged(request, _of(seller), lambda one: listing_document(one, site, whole=False))
    said = shapes.checked(shapes.ListingIn, request.data)
    terms = finish(_draft(said), site)

    def create() -> dict[str, Any]:
        listing = listings.create_draft(seller, said["slug"], terms)
        _keep(listing, said["secret_headers"], site)
        return listing_document(_own(seller, listing.pk), site, whole=True)

    return created(request, create)


@extend_schema(operation_id="listing", summary="One listing", responses=says(shapes.ListingWhole))
@endpoint(GET="listings:read")
def show(request: Request, listing_id: UUID) -> Response:
    """A listing with all its terms."""
    return _shown(_own(seller_of_key(request), listing_id))


@extend_schema(
    operation_id="listing_history",
    summary="Every revision, newest first",
    responses=says(page_of(shapes.HistoryOut)),
)
@endpoint(GET="listings:read")
def past(request: Request, listing_id: UUID) -> Response:
    """What was sold when, and what each revision changed."""
    listing = _own(seller_of_key(request), listing_id)
    return Response({"items": history(listing), "next": None})


@extend_schema(
    operation_id="propose",
    summary="Propose other terms",
    description="The terms whole. What is live goes on selling until the proposal is approved."
    " A secret header with null keeps the value it has.",
    request=shapes.TermsIn,
    responses=says(shapes.ListingWhole),
)
@endpoint(POST="listings:write")
def propose(request: Request, listing_id: UUID) -> Response:
    """Draft another revision."""
    site, seller = this_site(), seller_of_key(request)
    listing = _own(seller, listing_id)
    said = shapes.checked(shapes.TermsIn, request.data)
    terms = finish(replace(_draft(said), logo=_logo(listing)), site)
    with transaction.atomic():
        listings.propose(listing.pk, terms)
        _keep(listing, said["secret_headers"], site)
    return _shown(_own(seller, listing_id))


@extend_schema(
    operation_id="replace_secret",
    summary="Replace the value of a secret header",
    description="Calls carry the new value at once. It is never shown.",
    request=shapes.SecretIn,
    responses=says(shapes.ListingWhole),
)
@endpoint(POST="listings:write")
def secret(request: Request, listing_id: UUID) -> Response:
    """Another value for a header that only the endpoint gets to see."""
    site, seller = this_site(), seller_of_key(request)
    listing = _own(seller, listing_id)
    said = shapes.checked(shapes.SecretIn, request.data)
    if header_name(said["name"], "name").lower() not in _names(listing):
        raise bad("name", "the terms of this listing have no such secret header")
    listings.keep_secret(listing.pk, said["name"], said["value"], Vault(site.secrets_keys))
    return _shown(_own(seller, listing_id))


@extend_schema(
    operation_id="move_listing",
    summary="Submit, pause, resume or retire",
    request=None,
    responses=says(shapes.ListingWhole),
)
@endpoint(POST="listings:write")
def move(request: Request, listing_id: UUID, how: str) -> Response:
    """Ask for review, stop selling, sell again, end for good."""
    seller = seller_of_key(request)
    listing = _own(seller, listing_id)
    MOVES[how](listing.pk)
    return _shown(_own(seller, listing_id))


@extend_schema(
    methods=["GET"],
    operation_id="health",
    summary="How a listing is, and how that is known",
    responses=says(shapes.HealthOut),
)
@extend_schema(
    methods=["PUT"],
    operation_id="choose_health",
    summary="Say how a listing's health is to be known",
    description="`url` needs a health address; `example` says that the example call is safe to"
    " repeat; `calls` asks nothing besides what buyers ask.",
    request=shapes.HealthIn,
    responses=says(shapes.HealthOut),
)
@endpoint(GET="listings:read", PUT="listings:write")
def health(request: Request, listing_id: UUID) -> Response:
    """Whether it works."""
    listing = _own(seller_of_key(request), listing_id)
    if request.method == "PUT":
        said = shapes.checked(shapes.HealthIn, request.data)
        return Response(health_document(choose_way(listing, said["way"], said["url"], this_site())))
    known = Health.objects.filter(listing=listing).first()
    return Response(health_document(known or Health(listing=listing)))


def _of(seller: Seller) -> QuerySet[Listing]:
    return Listing.objects.select_related("seller", "live_revision", "proposed_revision").filter(
        seller=seller
    )


def _own(seller: Seller, listing_id: UUID) -> Listing:
    """The seller's own listing; of others not even that they exist."""
    found = _of(seller).filter(pk=listing_id).first()
    if found is None:
        raise Http404
    return found


def _shown(listing: Listing) -> Response:
    return Response(listing_document(listing, this_site(), whole=True))


def _logo(listing: Listing) -> str:
    """The picture the listing has; one is given on its page."""
    revision = listing.proposed_revision or listing.live_revision
    return str(revision.terms.get("logo", "")) if revision else ""


def _draft(said: Mapping[str, Any]) -> Draft:
    sample = said["sample"]
    body = orjson.dumps(sample["json"]) if "json" in sample else sample["body"].encode()
    return Draft(
        upstream_url=said["upstream_url"],
        title=said["title"],
        description=said["description"],
        sample=Sample(sample["status"], sample["content_type"], body),
        prices=[
            Ask(price["dollars"], price["network"], price["pay_to"], price["asset"])
            for price in said["prices"]
        ],
        method=said["method"],
        example=said["example"],
        input_schema=said.get("input_schema"),
        output_schema=said.get("output_schema"),
        service_name=said["service_name"],
        tags=said["tags"],
        forward_headers=said["forward_headers"],
        secret_headers=list(said["secret_headers"]),
        release=said["release"],
        total_seconds=said.get("total_seconds"),
        answer_keep_days=said.get("answer_keep_days"),
        require_body=said["require_body"],
        check_output=said["check_output"],
        stream=said["stream"],
    )


def _keep(listing: Listing, given: Secrets, site: Site) -> None:
    """Seal the values of new headers; those that live calls carry change in their own step."""
    live = _live_names(listing)
    for name, value in given.items():
        if value is None:
            continue
        if name.lower() in live:
            raise bad(
                f"secret_headers.{name}",
                "live calls carry this header; send null here, and its value to …/secret",
            )
        listings.keep_secret(listing.pk, name, value, Vault(site.secrets_keys))


def _live_names(listing: Listing) -> set[str]:
    live = listing.live_revision
    return set(Terms.from_json(live.terms).secret_headers) if live else set()


def _names(listing: Listing) -> set[str]:
    proposed = listing.proposed_revision
    asked = Terms.from_json(proposed.terms).secret_headers if proposed else ()
    return _live_names(listing) | set(asked)
