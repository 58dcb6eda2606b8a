"""Listings over the API: the same steps as on the pages, with the same refusals."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from uuid import UUID

import orjson
from django.db import transaction
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from payments.wiring.keys import upstream_signing_key
from sellers import listings, upstream_secrets
from sellers.addresses import same_host
from sellers.api.access import acting, endpoint, seller_of_key
from sellers.api.creating import created
from sellers.api.documents import (
    history,
    listing_document,
    listings_of,
    own_listing,
)
from sellers.api.pages import paged
from sellers.api.schema import BEFORE, LIMIT, REPEATABLE, page_of, says
from sellers.api.shapes.base import checked
from sellers.api.shapes.listings import (
    HistoryOut,
    ListingIn,
    ListingOut,
    ListingWhole,
    SecretIn,
    SigningKeyOut,
    TermsIn,
)
from sellers.drafting import worksheets
from sellers.drafts import Draft, finish
from sellers.header_names import header_name
from sellers.models import Listing
from sellers.prices import Ask
from sellers.profile.logos import refuse_others
from sellers.refusals import bad
from sellers.reviews import submitting
from sellers.secrets import Vault, header_value
from sellers.site import Site, this_site
from sellers.terms import Sample, Terms

MOVES: Mapping[str, Callable[..., Listing]] = {
    "submit": submitting.submit_proposed,
    "withdraw": listings.withdraw,
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
    responses=says(page_of(ListingOut)),
)
@extend_schema(
    methods=["POST"],
    operation_id="create_listing",
    summary="Create a draft",
    description="It is for nobody to see until it is submitted and approved.",
    parameters=[REPEATABLE],
    request=ListingIn,
    responses=says(ListingWhole, 201),
)
@endpoint(GET="listings:read", POST="listings:write")
def index(request: Request) -> Response:
    """List what is sold, or create a draft."""
    site, seller = this_site(), seller_of_key(request)
    if request.method != "POST":
        return paged(
            request, listings_of(seller), lambda one: listing_document(one, site, whole=False)
        )
    said = checked(ListingIn, request.data)
    refuse_others(seller, said.get("logo", ""))
    terms = finish(_draft(said), site)

    def create() -> dict[str, Any]:
        listing = listings.create_draft(seller, said["slug"], terms)
        _keep(listing, said["secret_headers"], site, acting(request))
        return listing_document(own_listing(seller, listing.pk), site, whole=True)

    return created(request, create)


@extend_schema(operation_id="listing", summary="One listing", responses=says(ListingWhole))
@endpoint(GET="listings:read")
def show(request: Request, listing_id: UUID) -> Response:
    """A listing with all its terms."""
    return _shown(own_listing(seller_of_key(request), listing_id))


@extend_schema(
    operation_id="listing_history",
    summary="Every revision, newest first",
    responses=says(page_of(HistoryOut)),
)
@endpoint(GET="listings:read")
def past(request: Request, listing_id: UUID) -> Response:
    """What was sold when, and what each revision changed."""
    listing = own_listing(seller_of_key(request), listing_id)
    return Response({"items": history(listing), "next": None})


@extend_schema(
    operation_id="propose",
    summary="Propose other terms",
    description="The terms whole. What is live goes on selling until the proposal is approved."
    " Terms that are live already withdraw what else is proposed."
    " A secret header with null keeps the value it has, for the host it was given for; another host"
    " needs a value of its own, which calls carry from the approval on.",
    request=TermsIn,
    responses=says(ListingWhole),
)
@endpoint(POST="listings:write")
def propose(request: Request, listing_id: UUID) -> Response:
    """Draft another revision."""
    site, seller = this_site(), seller_of_key(request)
    listing = own_listing(seller, listing_id)
    said = checked(TermsIn, request.data)
    refuse_others(seller, said.get("logo", ""))
    terms = finish(replace(_draft(said), logo=said.get("logo", _logo(listing))), site)
    _refuse_odd_values(listing, said["secret_headers"], terms.upstream_url)
    with transaction.atomic():
        listings.propose(listing.pk, terms, by=acting(request))
        _keep(listing, said["secret_headers"], site, acting(request))
    return _shown(own_listing(seller, listing_id))


@extend_schema(
    operation_id="replace_secret",
    summary="Replace the value of a secret header",
    description="Calls carry the new value at once; a header that only a proposal has, once that is"
    " approved. It is never shown.",
    request=SecretIn,
    responses=says(ListingWhole),
)
@endpoint(POST="listings:write")
def secret(request: Request, listing_id: UUID) -> Response:
    """Another value for a header that only the endpoint gets to see."""
    site, seller = this_site(), seller_of_key(request)
    listing = own_listing(seller, listing_id)
    said = checked(SecretIn, request.data)
    if header_name(said["name"], "name").lower() not in _names(listing):
        raise bad("name", "the terms of this listing have no such secret header")
    vault = Vault(site.secrets_keys)
    upstream_secrets.keep(listing.pk, said["name"], said["value"], vault, by=acting(request))
    return _shown(own_listing(seller, listing_id))


@extend_schema(
    operation_id="signing_key",
    summary="The key that signs the calls to your endpoint",
    description="Whoever has it can sign such calls, so a key that may only read does not get it.",
    responses=says(SigningKeyOut),
)
@endpoint(GET="listings:write")
def signing_key(request: Request, listing_id: UUID) -> Response:
    """What an endpoint checks with that a call comes from here."""
    listing = own_listing(seller_of_key(request), listing_id)
    return Response({"key": upstream_signing_key(str(listing.pk)).hex()})


@extend_schema(
    operation_id="move_listing",
    summary="Submit, withdraw, pause, resume or retire",
    description="Withdrawing drops what is proposed beside live terms; a listing that was never"
    " approved becomes a draft again and keeps its terms.",
    request=None,
    responses=says(ListingWhole),
)
@endpoint(POST="listings:write")
def move(request: Request, listing_id: UUID, how: str) -> Response:
    """Ask for review, take that back, stop selling, sell again, end for good."""
    seller = seller_of_key(request)
    listing = own_listing(seller, listing_id)
    MOVES[how](listing.pk, by=acting(request))
    if how == "retire":
        worksheets.discard_of(listing)
    if how == "withdraw":
        worksheets.discard_untouched(listing)
    return _shown(own_listing(seller, listing_id))


def _shown(listing: Listing) -> Response:
    return Response(listing_document(listing, this_site(), whole=True))


def _logo(listing: Listing) -> str:
    """The picture that the listing has."""
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
        category=said["category"],
        forward_headers=said["forward_headers"],
        secret_headers=list(said["secret_headers"]),
        release=said["release"],
        total_seconds=said.get("total_seconds"),
        answer_keep_days=said.get("answer_keep_days"),
        require_body=said["require_body"],
        check_output=said["check_output"],
        stream=said["stream"],
        logo=said.get("logo", ""),
    )


def _keep(listing: Listing, given: Secrets, site: Site, by: str) -> None:
    """Seal the values that came with these terms, for when they are sold."""
    values = {name.lower(): value for name, value in given.items() if value is not None}
    if not values:
        return
    vault = Vault(site.secrets_keys)
    sealed = {
        name: vault.seal(listing.pk, name, header_value(name, value)).decode()
        for name, value in values.items()
    }
    upstream_secrets.take_over(listing.pk, sealed, by=by)


def _refuse_odd_values(listing: Listing, given: Secrets, url: str) -> None:
    """Refuse to keep another host's values, and to change by the way what live calls carry."""
    kept = [name for name, value in given.items() if value is None]
    upstream_secrets.refuse_another_hosts(listing, kept, url)
    live = listing.live_revision
    if live is None or not same_host(live.terms["upstream_url"], url):
        return
    for name in set(given) - set(kept):
        if name.lower() in _live_names(listing):
            raise bad(
                f"secret_headers.{name}",
                "live calls carry this header; send null here, and its value to …/secret",
            )


def _live_names(listing: Listing) -> set[str]:
    live = listing.live_revision
    return set(Terms.from_json(live.terms).secret_headers) if live else set()


def _names(listing: Listing) -> set[str]:
    proposed = listing.proposed_revision
    asked = Terms.from_json(proposed.terms).secret_headers if proposed else ()
    return _live_names(listing) | set(asked)
