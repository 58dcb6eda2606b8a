"""Every page of a seller, mounted at /sell/."""

from __future__ import annotations

from django.urls import path

from sellers.pages import (
    agreeing,
    domain,
    home,
    importing,
    life,
    looking,
    payouts,
    profile,
    record,
    trying,
    wizard,
)

_DRAFT = "drafts/<uuid:worksheet_id>"
_LISTING = "listings/<slug:slug>"

urlpatterns = [
    path("", home.home, name="sell-home"),
    path("drafts/new", home.start, name="sell-new"),
    path("import", importing.document, name="sell-import"),
    path("import/<uuid:fetch_id>", importing.fetched, name="sell-fetch"),
    path(f"{_DRAFT}/", wizard.draft, name="sell-draft"),
    path(f"{_DRAFT}/look", looking.look, name="sell-look"),
    path(f"{_DRAFT}/discard", wizard.discard, name="sell-discard"),
    path(f"{_DRAFT}/try", trying.test_call, name="sell-try"),
    path(f"{_DRAFT}/<slug:slug>", wizard.step, name="sell-step"),
    path(f"{_DRAFT}/<slug:slug>/autosave", wizard.autosave, name="sell-autosave"),
    path("profile", profile.profile, name="sell-profile"),
    path("profile/domain", domain.domain, name="sell-domain"),
    path("profile/points", profile.points, name="sell-profile-points"),
    path("terms", agreeing.terms, name="sell-terms"),
    path("payouts/", payouts.payouts, name="sell-payouts"),
    path("payouts/ask", payouts.ask, name="sell-payout-ask"),
    path("payouts/revoke", payouts.revoke, name="sell-payout-revoke"),
    path(f"{_LISTING}/", life.listing, name="sell-listing"),
    path(f"{_LISTING}/edit", life.edit, name="sell-edit"),
    path(f"{_LISTING}/secret", life.replace_secret, name="sell-secret"),
    path(f"{_LISTING}/revisions/<int:number>", life.revision, name="sell-revision"),
    path(f"{_LISTING}/record", record.record, name="sell-record"),
    path(f"{_LISTING}/<slug:how>", life.move, name="sell-move"),
]
