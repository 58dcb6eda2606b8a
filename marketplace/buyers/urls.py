"""Every address of a buyer, under /buy/."""

from django.urls import path

from marketplace.buyers import disputes, groups, limits, receipts, spending, webhooks

_HOOK = "webhooks/<uuid:hook_id>"
_DELIVERY = "webhooks/deliveries/<uuid:delivery_id>"

urlpatterns = [
    path("", receipts.home, name="buy-home"),
    path("receipts.csv", receipts.csv, name="buy-receipts-csv"),
    path("receipts.json", receipts.json, name="buy-receipts-json"),
    path("spend/", spending.show, name="buy-spend"),
    path("disputes/", disputes.index, name="buy-disputes"),
    path("disputes/new/<uuid:payment_id>", disputes.new, name="buy-dispute-new"),
    path("disputes/<uuid:dispute_id>", disputes.show, name="buy-dispute"),
    path("disputes/<uuid:dispute_id>/<slug:what>", disputes.do, name="buy-dispute-act"),
    path("limits/", limits.show, name="buy-limits"),
    path("limits/letters", limits.set_mail, name="buy-limit-letters"),
    path("limits/groups/", groups.start, name="buy-groups"),
    path("limits/groups/<uuid:group_id>/", groups.change, name="buy-group"),
    path("limits/groups/<uuid:group_id>/<slug:what>", groups.act, name="buy-group-act"),
    path("webhooks", webhooks.index, name="buy-webhooks"),
    path("notices/<uuid:notice_id>/seen", webhooks.notice_seen, name="buy-notice-seen"),
    path(f"{_DELIVERY}/", webhooks.delivery, name="buy-delivery"),
    path(f"{_DELIVERY}/resend", webhooks.resend, name="buy-delivery-resend"),
    path(f"{_HOOK}/", webhooks.show, name="buy-webhook"),
    path(f"{_HOOK}/change", webhooks.change, name="buy-webhook-change"),
    path(f"{_HOOK}/rotate", webhooks.rotate, name="buy-webhook-rotate"),
    path(f"{_HOOK}/<slug:what>", webhooks.act, name="buy-webhook-act"),
]
