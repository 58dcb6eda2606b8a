"""Pages of webhooks, a seller's and a buyer's alike: addresses, what was sent, sending it again.

Whose they are and where the pages stand is said by whoever mounts them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.models import User
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from payments.serving.paging import page_in
from sellers.models import Delivery, Seller, Webhook
from sellers.pages.own import acting
from sellers.programs.program_forms import WebhookForm, show_refusal
from sellers.refusals import ListingRefused
from sellers.secrets import SecretsUnavailable
from sellers.site import this_site, webhook_limits
from sellers.webhooks import webhooks

DELIVERIES_SHOWN = 20
PAGES = (
    "webhooks", "webhook", "webhook-change", "webhook-rotate", "webhook-act", "delivery",
    "delivery-resend",
)  # fmt: skip
CHANGED_ALREADY = (
    "The secret was changed since this page was opened, and stays so. If you did not keep the new"
    " one, change it once more; the one that your program may still use then ends at once."
)
UNAVAILABLE = "This site cannot keep secrets at the moment; its operator has to give it a key."


@dataclass(frozen=True, slots=True)
class Place:
    """Whose webhooks are shown, and where."""

    whose: Seller | User
    prefix: str  # of the names of the pages
    lead: str  # what they are for
    empty: str  # what one gains by the first
    more: Mapping[str, Any] = field(default_factory=dict)  # for the list's page

    def page(self, name: str) -> str:
        return f"{self.prefix}-{name}"

    @property
    def shown(self) -> dict[str, Any]:
        """What every template of these pages is given."""
        pages = {name.replace("-", "_"): self.page(name) for name in PAGES}
        return {"pages": pages, "lead": self.lead, "empty": self.empty, **self.more}


def index(request: HttpRequest, place: Place) -> HttpResponse:
    """Every address, and a form for another."""
    form = _form(place, request.POST or None)
    if request.method == "POST" and form.is_valid():
        said = form.cleaned_data
        try:
            made = webhooks.open_webhook(
                place.whose, said["url"], said["events"], this_site(), by=acting(request)
            )
        except ListingRefused as refused:
            show_refusal(form, refused)
        except SecretsUnavailable:
            form.add_error(None, UNAVAILABLE)
        else:
            return _shown_once(request, place, made, "The webhook is added.")
    context = {
        "form": form,
        "hooks": [_row(hook) for hook in webhooks.webhooks_of(place.whose)],
        "most": webhook_limits().per_seller_max,
        **place.shown,
    }
    return render(request, "sellers/webhooks.html", context, status=422 if form.errors else 200)


def show(request: HttpRequest, place: Place, hook_id: UUID) -> HttpResponse:
    """One address: what it is told, its log and what can be done with it."""
    hook = _own(place.whose, hook_id)
    form = _form(place, initial={"url": hook.url, "events": hook.events})
    return render(request, "sellers/webhook.html", _context(request, place, hook, form))


def change(request: HttpRequest, place: Place, hook_id: UUID) -> HttpResponse:
    """Another address, or other events."""
    hook = _own(place.whose, hook_id)
    form = _form(place, request.POST)
    if form.is_valid():
        said = form.cleaned_data
        try:
            webhooks.change_webhook(
                hook, said["url"], said["events"], this_site(), by=acting(request)
            )
        except ListingRefused as refused:
            show_refusal(form, refused)
        else:
            messages.success(request, "Saved.")
            return redirect(place.page("webhook"), hook_id)
    kept = _own(place.whose, hook_id)
    return render(request, "sellers/webhook.html", _context(request, place, kept, form), status=422)


def rotate(request: HttpRequest, place: Place, hook_id: UUID) -> HttpResponse:
    """A new secret, shown now; messages are signed with the old one too for a while."""
    hook, seen = _own(place.whose, hook_id), request.POST.get("seen", "")
    try:
        made = webhooks.rotate_secret(hook, this_site(), seen=seen, by=acting(request))
    except (ListingRefused, SecretsUnavailable) as refused:
        changed = isinstance(refused, ListingRefused)
        messages.error(request, CHANGED_ALREADY if changed else UNAVAILABLE)
        return redirect(place.page("webhook"), hook_id)
    hours = webhook_limits().overlap_hours
    text = f"The secret is changed. For {hours} hours messages are signed with the old one too."
    return _shown_once(request, place, made, text)


def act(request: HttpRequest, place: Place, hook_id: UUID, what: str) -> HttpResponse:
    """Send a test, turn on or off, remove."""
    hook = _own(place.whose, hook_id)
    if what == "remove":
        webhooks.remove(hook, by=acting(request))
        messages.success(request, "The webhook is removed.")
        return redirect(place.page("webhooks"))
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
    return redirect(place.page("webhook"), hook_id)


def delivery(request: HttpRequest, place: Place, delivery_id: UUID) -> HttpResponse:
    """One message: what was sent, every attempt, what came back."""
    found = _own_delivery(place.whose, delivery_id)
    context = {
        **place.shown,
        "delivery": found,
        "tone": _tone(found),
        "attempts": list(reversed(found.attempts)),
        "body": json.dumps(json.loads(found.body), indent=2, ensure_ascii=False),
    }
    return render(request, "sellers/delivery.html", context)


def resend(request: HttpRequest, place: Place, delivery_id: UUID) -> HttpResponse:
    """Send a message again, now."""
    found = _own_delivery(place.whose, delivery_id)
    try:
        webhooks.resend(found)
        messages.success(request, "It is on its way again.")
    except ListingRefused as refused:
        messages.error(request, refused.message)
    return redirect(place.page("delivery"), delivery_id)


def _shown_once(request: HttpRequest, place: Place, made: webhooks.Made, text: str) -> HttpResponse:
    context = {
        **place.shown, "hook": made.webhook, "secret": made.secret, "text": text,
    }  # fmt: skip
    return render(request, "sellers/webhook_secret.html", context)


def _own(whose: Seller | User, hook_id: UUID) -> Webhook:
    """The seller's own address, or no page at all."""
    hook = webhooks.webhooks_of(whose).filter(pk=hook_id).first()
    if hook is None:
        raise Http404
    return hook


def _own_delivery(whose: Seller | User, delivery_id: UUID) -> Delivery:
    found = webhooks.deliveries_of(whose).filter(pk=delivery_id).first()
    if found is None:
        raise Http404
    return found


def _context(
    request: HttpRequest, place: Place, hook: Webhook, form: WebhookForm
) -> dict[str, Any]:
    before = _uuid(request.GET.get("before", ""))
    log = Delivery.objects.filter(webhook=hook)
    page = page_in(log, DELIVERIES_SHOWN, older_than=before)
    return {
        **place.shown,
        **_row(hook),
        "form": form,
        "deliveries": [
            {"delivery": one, "tone": _tone(one), "last": _last(one)} for one in page.rows
        ],
        "next_href": f"?before={page.older}" if page.older else "",
        "prev_href": reverse(place.page("webhook"), args=[hook.pk]) if before else "",
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


def _form(place: Place, *given: Any, **named: Any) -> WebhookForm:
    return WebhookForm(*given, whose=place.whose, **named)
