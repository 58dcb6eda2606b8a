"""Every route of the site, top to bottom. The paid door (`/call/`) is not Django's: asgi.py."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

# With the pages comes the bell they ring: a shared task finds its broker through the app alone.
from marketplace import celery as celery
from marketplace import csp, events, faucet, legal_pages, problems, reports, views
from marketplace.access import signed_in_lately
from marketplace.catalog import api, market, pages
from marketplace.catalog.mcp import card
from marketplace.doctor import audit_page, page
from marketplace.look import styleguide, themes
from payments.limits import views as limit_views
from payments.refunds import views as refund_views
from payments.views import did
from sellers.pages import keys, logos, signing_key

urlpatterns: list[URLPattern | URLResolver] = [
    path("", pages.landing, name="landing"),
    path("market", market.market, name="market"),
    path("l/<slug:seller>/<slug:slug>", csp.calling(pages.listing), name="listing"),
    path("l/<slug:seller>/<slug:slug>/report", reports.page, name="listing-report"),
    path("s/<slug:slug>", pages.seller, name="seller"),
    path("demo/faucet", faucet.fill, name="demo-faucet"),
    path("healthz", views.alive),
    path("readyz", views.ready),
    path("docs/<slug:name>", views.guide, name="guide"),
    path("legal/<slug:name>", legal_pages.show, name="legal"),
    path("operator/", page.health, name="operator-health"),
    path("operator/audit", audit_page.log, name="operator-audit"),
    path("operator/audit/export", audit_page.export, name="operator-audit-export"),
    path("metrics", page.scrape, name="metrics"),
    path("theme", themes.choose, name="theme"),
    path("events", events.events, name="events"),
    path("events/poll", events.poll, name="events-poll"),
    path(  # before the listings' own, which take any word there
        "sell/listings/<slug:slug>/signing-key",
        signed_in_lately(signing_key.show),
        name="sell-signing-key",
    ),
    path("sell/", include("sellers.urls")),
    path("buy/", include("marketplace.buyers.urls")),
    path("api/limits/<str:wallet>", limit_views.limits, name="api-limits"),
    path("api/refunds", refund_views.ask, name="api-refunds"),
    path("api/refunds/<uuid:dispute_id>", refund_views.show, name="api-refund"),
    path("account/", include("marketplace.accounts.urls")),
    path("moderation/", include("marketplace.moderation.urls")),
    path("logo/<slug:name>", logos.show, name="logo"),
    path("p/", include("payments.urls")),
    path("sell/earnings/", include("sellers.earnings_urls")),
    path("sell/keys", signed_in_lately(keys.index), name="sell-keys"),  # a key is a way in too
    path("sell/", include("sellers.program_urls")),
    path("api/catalog", api.index, name="api-catalog"),
    path("api/catalog/changes", api.changes, name="api-catalog-changes"),
    path("api/catalog/changes.atom", api.feed, name="api-catalog-feed"),
    path("api/catalog/<slug:seller>/<slug:slug>", api.listing, name="api-catalog-listing"),
    path(
        "api/catalog/<slug:seller>/<slug:slug>/reports",
        reports.for_programs,
        name="api-catalog-reports",
    ),
    path("api/sell/", include("sellers.api.urls")),
    path(".well-known/did.json", did),
    path("", include("marketplace.catalog.format_urls")),
    path(".well-known/mcp/server-card.json", card.well_known),
]

if settings.DEVELOPMENT:
    urlpatterns.append(path("styleguide", styleguide.show, name="styleguide"))

if settings.ADMIN_PAGES:
    urlpatterns.append(path("admin/", admin.site.urls))

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.fault
