"""Every route of the site, top to bottom. The paid door (`/call/`) is not Django's: asgi.py."""

from __future__ import annotations

from django.conf import settings
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

# With the pages comes the bell they ring: a shared task finds its broker through the app alone.
from marketplace import celery as celery
from marketplace import events, problems, views
from marketplace.look import styleguide, themes
from payments.views import did
from sellers.pages import logos

urlpatterns: list[URLPattern | URLResolver] = [
    path("", views.home),
    path("healthz", views.alive),
    path("readyz", views.ready),
    path("docs/<slug:name>", views.guide, name="guide"),
    path("theme", themes.choose, name="theme"),
    path("events", events.events, name="events"),
    path("events/poll", events.poll, name="events-poll"),
    path("sell/", include("sellers.urls")),
    path("account/", include("marketplace.accounts.urls")),
    path("moderation/", include("marketplace.moderation.urls")),
    path("logo/<slug:name>", logos.show, name="logo"),
    path("p/", include("payments.urls")),
    path("sell/earnings/", include("sellers.earnings_urls")),
    path("sell/", include("sellers.program_urls")),
    path("api/sell/", include("sellers.api.urls")),
    path(".well-known/did.json", did),
]

if settings.DEVELOPMENT:
    urlpatterns.append(path("styleguide", styleguide.show, name="styleguide"))

if settings.ADMIN_PAGES:
    urlpatterns.append(path("admin/", admin.site.urls))

handler400 = problems.bad_request
handler403 = problems.forbidden
handler404 = problems.not_found
handler500 = problems.fault
