"""Every address of the API for sellers, mounted at /api/sell/."""

from __future__ import annotations

from django.urls import path

from sellers.api import about, importing, listings, money, webhooks

_LISTING = "listings/<uuid:listing_id>"
_HOOK = "webhooks/<uuid:hook_id>"
_DELIVERY = "deliveries/<uuid:delivery_id>"

urlpatterns = [
    path("openapi.json", about.schema, name="api-sell-schema"),
    path("me", about.me, name="api-sell-me"),
    path("networks", about.networks, name="api-sell-networks"),
    path("payouts", money.wallets, name="api-sell-payouts"),
    path("earnings", money.earnings, name="api-sell-earnings"),
    path("payments", money.payments, name="api-sell-payments"),
    path("payments/<uuid:payment_id>", money.payment, name="api-sell-payment"),
    path("import", importing.drafts, name="api-sell-import"),
    path("import/read", importing.read, name="api-sell-import-read"),
    path("notices", about.notices, name="api-sell-notices"),
    path("notices/<uuid:notice_id>/seen", about.notice_seen, name="api-sell-notice-seen"),
    path("listings", listings.index, name="api-sell-listings"),
    path(_LISTING, listings.show, name="api-sell-listing"),
    path(f"{_LISTING}/history", listings.past, name="api-sell-history"),
    path(f"{_LISTING}/health", listings.health, name="api-sell-health"),
    path(f"{_LISTING}/propose", listings.propose, name="api-sell-propose"),
    path(f"{_LISTING}/secret", listings.secret, name="api-sell-secret"),
    *(
        path(f"{_LISTING}/{how}", listings.move, {"how": how}, name=f"api-sell-{how}")
        for how in listings.MOVES
    ),
    path("webhooks", webhooks.index, name="api-sell-webhooks"),
    path(_HOOK, webhooks.one, name="api-sell-webhook"),
    path(f"{_HOOK}/rotate", webhooks.rotate, name="api-sell-rotate"),
    path(f"{_HOOK}/test", webhooks.test, name="api-sell-test"),
    path(f"{_HOOK}/deliveries", webhooks.deliveries, name="api-sell-deliveries"),
    path(_DELIVERY, webhooks.delivery, name="api-sell-delivery"),
    path(f"{_DELIVERY}/resend", webhooks.resend, name="api-sell-resend"),
    path("<path:rest>", about.nowhere, name="api-sell-nowhere"),
]
