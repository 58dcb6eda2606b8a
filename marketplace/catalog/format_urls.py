"""Where agents look: every address of a document of ours, mounted at the root."""

from __future__ import annotations

from django.urls import path

from marketplace.catalog import discovery
from marketplace.catalog import format_views as views


def _name(address: str) -> str:
    return address.strip("/").replace(".", "-").replace("/", "-")


urlpatterns = [
    path("discovery/resources", discovery.resources, name="discovery-resources"),
    path("discovery/search", discovery.find, name="discovery-search"),
    path("discovery/merchant", discovery.merchant, name="discovery-merchant"),
    path("discovery/validate", discovery.validate, name="discovery-validate"),
    *(
        path(address.lstrip("/"), views.site_wide, {"path": address}, name=f"site{_name(address)}")
        for address in views.SITE_WIDE
    ),
    path(".well-known/ai-catalog.json", views.ai_catalog, name="ai-catalog"),
    path(".well-known/agents.json", views.agents, name="agents-json"),
    path("robots.txt", views.robots, name="robots"),
    path("sitemap-pages.xml", views.sitemap_pages, name="sitemap-pages"),
    *(
        path(f"s/<slug:seller>/{name}", views.of_seller, {"name": name}, name=f"of-{_name(name)}")
        for name in views.OF_SELLER
    ),
    path("l/<slug:seller>/<slug:slug>/SKILL.md", views.skill, name="skill"),
]
