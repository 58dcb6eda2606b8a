"""Every address of the API for sellers, mounted at /api/sell/."""

from __future__ import annotations

from django.urls import path

from sellers.api import (
    about,
    checking,
    domain,
    drafts,
    health,
    importing,
    listings,
    logos,
    money,
    payouts,
    sums,
    trying,
    webhooks,
)

_LISTING = "listings/<uuid:listing_id>"
_DRAFT = "drafts/<uuid:worksheet_id>"
_HOOK = "webhooks/<uuid:hook_id>"
_DELIVERY = "deliveries/<uuid:delivery_id>"

urlpatterns = [
    path("openapi.json", about.schema, name="api-sell-schema"),
    path("me", about.me, name="api-sell-me"),
    path("profile", about.profile, name="api-sell-profile"),
    path("domain", domain.domain, name="api-sell-domain"),
    path("domain/check", domain.check, name="api-sell-domain-check"),
    path("logos", logos.index, name="api-sell-logos"),
    path("networks", about.networks, name="api-sell-networks"),
    path("payouts", money.wallets, name="api-sell-payouts"),
    path("payouts/ask", payouts.ask, name="api-sell-payout-ask"),
    path("payouts/prove", payouts.prove, name="api-sell-payout-prove"),
    path("payouts/revoke", payouts.revoke, name="api-sell-payout-revoke"),
    path("earnings", money.earnings, name="api-sell-earnings"),
    path("earnings/by-time", sums.over_time, name="api-sell-by-time"),
    path("earnings/by-listing", sums.over_listings, name="api-sell-by-listing"),
    path("statements/<str:month>", sums.statement, name="api-sell-statement"),
    path("payments.csv", money.sales_file, name="api-sell-payments-file"),
    path("buyers", money.who_paid, name="api-sell-buyers"),
    path("payments", money.payments, name="api-sell-payments"),
    path("payments/<uuid:payment_id>", money.payment, name="api-sell-payment"),
    path("import", importing.drafts, name="api-sell-import"),
    path("import/read", importing.read, name="api-sell-import-read"),
    path("import/fetch", importing.fetch, name="api-sell-import-fetch"),
    path("import/fetch/<uuid:fetch_id>", importing.fetched, name="api-sell-import-fetched"),
    path("notices", about.notices, name="api-sell-notices"),
    path("notices/<uuid:notice_id>/seen", about.notice_seen, name="api-sell-notice-seen"),
    path("drafts", drafts.index, name="api-sell-drafts"),
    path(_DRAFT, drafts.one, name="api-sell-draft"),
    path(f"{_DRAFT}/secret", drafts.secret, name="api-sell-draft-secret"),
    path(f"{_DRAFT}/looks", drafts.look, name="api-sell-looks"),
    path(f"{_DRAFT}/checklist", checking.of_draft, name="api-sell-draft-checklist"),
    path(f"{_DRAFT}/preview", trying.preview, name="api-sell-preview"),
    path(f"{_DRAFT}/submit", checking.submit, name="api-sell-draft-submit"),
    path(f"{_LISTING}/checklist", checking.of_listing, name="api-sell-checklist"),
    path(f"{_LISTING}/draft", drafts.edit, name="api-sell-edit"),
    path("listings", listings.index, name="api-sell-listings"),
    path(_LISTING, listings.show, name="api-sell-listing"),
    path(f"{_LISTING}/history", listings.past, name="api-sell-history"),
    path(f"{_LISTING}/health", health.health, name="api-sell-health"),
    path(f"{_LISTING}/propose", listings.propose, name="api-sell-propose"),
    path(f"{_LISTING}/secret", listings.secret, name="api-sell-secret"),
    path(f"{_LISTING}/signing-key", listings.signing_key, name="api-sell-signing-key"),
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
