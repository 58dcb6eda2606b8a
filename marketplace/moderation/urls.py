"""The moderators' pages, mounted at /moderation/."""

from __future__ import annotations

from django.urls import path

from marketplace.moderation import views

urlpatterns = [
    path("", views.queue, name="moderation-queue"),
    path("<uuid:listing_id>", views.proposal, name="moderation-proposal"),
    path("<uuid:listing_id>/approve", views.approve, name="moderation-approve"),
    path("<uuid:listing_id>/refuse", views.refuse, name="moderation-refuse"),
]
