"""Webhooks over the API: addresses, their secrets, the log, sending again."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from sellers.api.access import acting, endpoint, seller_of_key
from sellers.api.creating import created
from sellers.api.documents import delivery_document, webhook_document
from sellers.api.pages import paged
from sellers.api.schema import BEFORE, LIMIT, REPEATABLE, page_of, says
from sellers.api.shapes.base import checked
from sellers.api.shapes.webhooks import (
    DeliveryOut,
    DeliveryWhole,
    WebhookChange,
    WebhookIn,
    WebhookMade,
    WebhookOut,
)
from sellers.models import Delivery, Seller, Webhook
from sellers.site import this_site
from sellers.webhooks import webhooks
from sellers.webhooks.webhooks import Made


@extend_schema(
    methods=["GET"],
    operation_id="webhooks",
    summary="Your webhooks",
    parameters=[BEFORE, LIMIT],
    responses=says(page_of(WebhookOut)),
)
@extend_schema(
    methods=["POST"],
    operation_id="add_webhook",
    summary="Add a webhook",
    description="Its secret is in this answer and in no other.",
    parameters=[REPEATABLE],
    request=WebhookIn,
    responses=says(WebhookMade, 201),
)
@endpoint(GET="webhooks:read", POST="webhooks:write")
def index(request: Request) -> Response:
    """List the addresses that are told of events, or add one."""
    seller = seller_of_key(request)
    if request.method != "POST":
        return paged(request, webhooks.webhooks_of(seller), webhook_document)
    said = checked(WebhookIn, request.data)

    def create() -> dict[str, Any]:
        return _made(
            webhooks.open_webhook(
                seller, said["url"], said["events"], this_site(), by=acting(request)
            )
        )

    return created(request, create, hidden=("secret",))


@extend_schema(
    methods=["GET"],
    operation_id="webhook",
    summary="One webhook",
    responses=says(WebhookOut),
)
@extend_schema(
    methods=["PATCH"],
    operation_id="change_webhook",
    summary="Change a webhook",
    request=WebhookChange,
    responses=says(WebhookOut),
)
@extend_schema(
    methods=["DELETE"],
    operation_id="remove_webhook",
    summary="Remove a webhook and its log",
    responses=says(None, 204),
)
@endpoint(GET="webhooks:read", PATCH="webhooks:write", DELETE="webhooks:write")
def one(request: Request, hook_id: UUID) -> Response:
    """Look at an address, change it, remove it."""
    seller = seller_of_key(request)
    hook = _own(seller, hook_id)
    if request.method == "DELETE":
        webhooks.remove(hook, by=acting(request))
        return Response(status=204)
    if request.method == "PATCH":
        said = checked(WebhookChange, request.data)
        url, events = said.get("url", hook.url), said.get("events", hook.events)
        webhooks.change_webhook(hook, url, events, this_site(), by=acting(request))
        if said.get("enabled") is True:
            webhooks.enable(hook)
        elif said.get("enabled") is False:
            webhooks.disable(hook.pk, "you turned it off")
    return Response(webhook_document(_own(seller, hook_id)))


@extend_schema(
    operation_id="rotate_secret",
    summary="Change a webhook's secret",
    description="Messages are signed with both secrets for a while. The new one is in this answer"
    " and in no other. Changed twice within that while, the one before the last ends at once.",
    parameters=[REPEATABLE],
    request=None,
    responses=says(WebhookMade),
)
@endpoint(POST="webhooks:write")
def rotate(request: Request, hook_id: UUID) -> Response:
    """A new secret."""
    hook = _own(seller_of_key(request), hook_id)

    def turn() -> dict[str, Any]:
        return _made(webhooks.rotate_secret(hook, this_site(), by=acting(request)))

    return created(request, turn, hidden=("secret",), status=200)


@extend_schema(
    operation_id="test_webhook",
    summary="Send a test",
    request=None,
    responses=says(DeliveryWhole, 202),
)
@endpoint(POST="webhooks:write")
def test(request: Request, hook_id: UUID) -> Response:
    """Send a message that says it is a test."""
    delivery = webhooks.try_out(_own(seller_of_key(request), hook_id))
    return Response(delivery_document(delivery, whole=True), status=202)


@extend_schema(
    operation_id="deliveries",
    summary="The log of a webhook, newest first",
    parameters=[BEFORE, LIMIT],
    responses=says(page_of(DeliveryOut)),
)
@endpoint(GET="webhooks:read")
def deliveries(request: Request, hook_id: UUID) -> Response:
    """What was sent to an address, and what came of it."""
    seller = seller_of_key(request)
    log = webhooks.deliveries_of(seller).filter(webhook=_own(seller, hook_id))
    return paged(request, log, delivery_document)


@extend_schema(
    operation_id="delivery",
    summary="One message, with what was sent",
    responses=says(DeliveryWhole),
)
@endpoint(GET="webhooks:read")
def delivery(request: Request, delivery_id: UUID) -> Response:
    """A message and its attempts."""
    return Response(
        delivery_document(_own_delivery(seller_of_key(request), delivery_id), whole=True)
    )


@extend_schema(
    operation_id="resend",
    summary="Send a message again",
    request=None,
    responses=says(DeliveryWhole, 202),
)
@endpoint(POST="webhooks:write")
def resend(request: Request, delivery_id: UUID) -> Response:
    """Send a message once more, now."""
    found = webhooks.resend(_own_delivery(seller_of_key(request), delivery_id))
    return Response(delivery_document(found, whole=True), status=202)


def _made(made: Made) -> dict[str, Any]:
    return {**webhook_document(made.webhook), "secret": made.secret}


def _own(seller: Seller, hook_id: UUID) -> Webhook:
    """The seller's own address; of others not even that they exist."""
    found = webhooks.webhooks_of(seller).filter(pk=hook_id).first()
    if found is None:
        raise Http404
    return found


def _own_delivery(seller: Seller, delivery_id: UUID) -> Delivery:
    found = webhooks.deliveries_of(seller).filter(pk=delivery_id).first()
    if found is None:
        raise Http404
    return found
