"""A seller's webhooks: the addresses, what was sent to them, and sending it again."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from sellers import webhooks
from sellers.models import Delivery, Seller, Webhook
from sellers.notices import put_away, unseen
from sellers.pages.own import seller_only
from sellers.program_forms import WebhookForm, show_refusal
from sellers.refusals import ListingRefused
from sellers.secrets import SecretsUnavailable
from sellers.site import this_site, webhook_limits

DELIVERIES_SHOWN = 20
NOTICE_PAGES = frozenset({"/sell/", "/sell/health", "/sell/webhooks"})
UNAVAILABLE = "This site cannot keep secrets at the moment; its operator has to give it a key."


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def index(request: HttpRequest, seller: Seller) -> HttpResponse:
    """Every address, and a form for another."""
    form = WebhookForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = webhooks.open_webhook(seller, said["url"], said["events"], this_site())
        except ListingRefused as refused:
            show_refusal(form, refused)
        except SecretsUnavailable:
            form.add_error(None, UNAVAILABLE)
        else:
            return _shown_once(request, made, "The webhook is added.")
    context = {
        "form": form,
        "hooks": [_row(hook) for hook in webhooks.webhooks_of(seller)],
        "most": webhook_limits().per_seller_max,
        "notices": unseen(seller.pk),
    }
    return render(request, "sellers/webhooks.html", context, status=422 if form.errors else 200)


@seller_only
@require_safe
def show(request: HttpRequest, seller: Seller, hook_id: UUID) -> HttpResponse:
    """One address: what it is told, its log and what can be done with it."""
    hook = _own(seller, hook_id)
    form = WebhookForm(initial={"url": hook.url, "events": hook.events})
    return render(request, "sellers/webhook.html", _context(request, hook, form))


@seller_only
@require_POST
def change(request: HttpRequest, seller: Seller, hook_id: UUID) -> HttpResponse:
    """Another address, or other events."""
    hook = _own(seller, hook_id)
    form = WebhookForm(request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            webhooks.change_webhook(hook, said["url"], said["events"], this_site())
        except ListingRefused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, "Saved.")
            return redirect("sell-webhook", hook_id)
    kept = _own(seller, hook_id)
    return render(request, "sellers/webhook.html", _context(request, kept, form), status=422)


@seller_only
@require_POST
def rotate(request: HttpRequest, seller: Seller, hook_id: UUID) -> HttpResponse:
    """A new secret, shown now; messages are signed with the old one too for a while."""
    hook = _own(seller, hook_id)
    try:
        made = webhooks.rotate_secret(hook, this_site())
    except SecretsUnavailable:
        messages.error(request, UNAVAILABLE)
        return redirect("sell-webhook", hook_id)
    hours = webhook_limits().overlap_hours
    text = f"The secret is changed. For {hours} hours messages are signed with the old one too."
    return _shown_once(request, made, text)


@seller_only
@require_POST
def act(request: HttpRequest, seller: Seller, hook_id: UUID, what: str) -> HttpResponse:
    """Send a test, turn on or off, remove."""
    hook = _own(seller, hook_id)
    if what == "remove":
        webhooks.remove(hook)
        messages.success(request, "The webhook is removed.")
        return redirect("sell-webhooks")
    try:
        if what == "test":
            webhooks.try_out(hook)
            messages.success(request, "A test is on its way; it is in the log below.")
        elif what == "on":
            webhooks.enable(hook)
            messages.success(request, "It is told again of what happens from now on.")
        elif what == "off":
            webhooks.disable(hook.pk, "you turned it off")
            messages.success(request, "Nothing is sent to it any more.")
        else:
            raise Http404
    except ListingRefused as refused:
        messages.error(request, refused.message)
    return redirect("sell-webhook", hook_id)


@seller_only
@require_safe
def delivery(request: HttpRequest, seller: Seller, delivery_id: UUID) -> HttpResponse:
    """One message: what was sent, every attempt, what came back."""
    found = _own_delivery(seller, delivery_id)
    context = {
        "delivery": found,
        "tone": _tone(found),
        "attempts": list(reversed(found.attempts)),
        "body": json.dumps(json.loads(found.body), indent=2, ensure_ascii=False),
    }
    return render(request, "sellers/delivery.html", context)


@seller_only
@require_POST
def resend(request: HttpRequest, seller: Seller, delivery_id: UUID) -> HttpResponse:
    """Send a message again, now."""
    found = _own_delivery(seller, delivery_id)
    try:
        webhooks.resend(found)
        messages.success(request, "It is on its way again.")
    except ListingRefused as refused:
        messages.error(request, refused.message)
    return redirect("sell-delivery", delivery_id)


@seller_only
@require_POST
def notice_seen(request: HttpRequest, seller: Seller, notice_id: UUID) -> HttpResponse:
    """Put a notice away, and stay where it was read."""
    if not put_away(seller.pk, notice_id):
        raise Http404
    back = request.POST.get("next", "")
    return redirect(back if back in NOTICE_PAGES else "sell-webhooks")


def _shown_once(request: HttpRequest, made: webhooks.Made, text: str) -> HttpResponse:
    context = {"hook": made.webhook, "secret": made.secret, "text": text}
    return render(request, "sellers/webhook_secret.html", context)


def _own(seller: Seller, hook_id: UUID) -> Webhook:
    """The seller's own address, or no page at all."""
    hook = webhooks.webhooks_of(seller).filter(pk=hook_id).first()
    if hook is None:
        raise Http404
    return hook


def _own_delivery(seller: Seller, delivery_id: UUID) -> Delivery:
    found = webhooks.deliveries_of(seller).filter(pk=delivery_id).first()
    if found is None:
        raise Http404
    return found


def _context(request: HttpRequest, hook: Webhook, form: WebhookForm) -> dict[str, Any]:
    log = Delivery.objects.filter(webhook=hook).order_by("-id")
    if before := _uuid(request.GET.get("before", "")):
        log = log.filter(pk__lt=before)
    shown = list(log[: DELIVERIES_SHOWN + 1])
    more = len(shown) > DELIVERIES_SHOWN
    shown = shown[:DELIVERIES_SHOWN]
    return {
        **_row(hook),
        "form": form,
        "deliveries": [{"delivery": one, "tone": _tone(one), "last": _last(one)} for one in shown],
        "next_href": f"?before={shown[-1].pk}" if more else "",
        "prev_href": f"/sell/webhooks/{hook.pk}/" if before else "",
    }


def _row(hook: Webhook) -> dict[str, Any]:
    if hook.disabled_at is not None:
        word, tone = "off", "bad"
    elif hook.failing_since is not None:
        word, tone = "failing", "waiting"
    else:
        word, tone = "on", "good"
    return {"hook": hook, "word": word, "tone": tone}


def _tone(delivery: Delivery) -> str:
    return {"delivered": "good", "failed": "bad"}.get(delivery.state, "waiting")


def _last(delivery: Delivery) -> dict[str, Any]:
    return dict(delivery.attempts[-1]) if delivery.attempts else {}


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
