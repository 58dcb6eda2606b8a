"""The moderators' pages, mounted at /moderation/."""

from __future__ import annotations

from django.urls import path

from marketplace.moderation import acts, disputes, reports, views

urlpatterns = [
    path("", views.queue, name="moderation-queue"),
    path("next", acts.take_next, name="moderation-next"),
    path("find", views.find, name="moderation-find"),
    path("said", views.mine, name="moderation-said"),
    path("said/<uuid:verdict_id>/undo", acts.undo, name="moderation-undo"),
    path("reports", reports.waiting, name="moderation-reports"),
    path("reports/<uuid:report_id>/close", reports.close, name="moderation-close-report"),
    path("disputes/", disputes.index, name="moderation-disputes"),
    path("disputes/<uuid:dispute_id>", disputes.show, name="moderation-dispute"),
    path("disputes/<uuid:dispute_id>/<slug:what>", disputes.do, name="moderation-dispute-act"),
    path("<uuid:listing_id>", views.item, name="moderation-item"),
    path("<uuid:listing_id>/take", acts.take, name="moderation-take"),
    path("<uuid:listing_id>/leave", acts.leave, name="moderation-leave"),
    path("<uuid:listing_id>/approve", acts.approve, name="moderation-approve"),
    path("<uuid:listing_id>/refuse", acts.refuse, name="moderation-refuse"),
    path("<uuid:listing_id>/ask", acts.ask, name="moderation-ask"),
    path("<uuid:listing_id>/suspend", acts.suspend, name="moderation-suspend"),
    path("<uuid:listing_id>/restore", acts.restore, name="moderation-restore"),
]
