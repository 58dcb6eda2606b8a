"""The pages for a seller's programs, mounted at /sell/."""

from __future__ import annotations

from django.urls import path

from sellers.pages import disputes, health, keys, webhooks

_HOOK = "webhooks/<uuid:hook_id>"
_DELIVERY = "webhooks/deliveries/<uuid:delivery_id>"

urlpatterns = [
    path("webhooks", webhooks.index, name="sell-webhooks"),
    path(f"{_DELIVERY}/", webhooks.delivery, name="sell-delivery"),
    path(f"{_DELIVERY}/resend", webhooks.resend, name="sell-delivery-resend"),
    path(f"{_HOOK}/", webhooks.show, name="sell-webhook"),
    path(f"{_HOOK}/change", webhooks.change, name="sell-webhook-change"),
    path(f"{_HOOK}/rotate", webhooks.rotate, name="sell-webhook-rotate"),
    path(f"{_HOOK}/<slug:what>", webhooks.act, name="sell-webhook-act"),
    path("notices/<uuid:notice_id>/seen", webhooks.notice_seen, name="sell-notice-seen"),
    path("disputes/", disputes.index, name="sell-disputes"),
    path("disputes/<uuid:dispute_id>", disputes.show, name="sell-dispute"),
    path("disputes/<uuid:dispute_id>/<slug:what>", disputes.do, name="sell-dispute-act"),
    path("health", health.index, name="sell-health"),
    path("health/<uuid:listing_id>", health.show, name="sell-listing-health"),
    path("keys/<uuid:key_id>/revoke", keys.revoke, name="sell-key-revoke"),
]
