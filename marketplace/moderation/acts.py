"""What moderators do to a listing: each a form of its own, sent from the page that was read."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from marketplace.access import moderator_only
from marketplace.moderation.judges import judge_of
from marketplace.moderation.views import Sent, looked_at, shown
from sellers.refusals import ListingRefused, Why
from sellers.reviews import holds, verdicts
from sellers.site import review_rules

NOTHING_WAITS = "Nothing else waits for you."


@moderator_only
@require_POST
def take_next(request: HttpRequest) -> HttpResponse:
    """The oldest that is free, or the first after the one that is left."""
    judge, after = judge_of(request), _uuid(request.POST.get("after", ""))
    if after is not None:
        holds.let_go(after, judge)
    return _next(request, after)


@moderator_only
@require_POST
def take(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """Hold one listing, so that nobody else judges it meanwhile.

    What was written while an earlier hold ran out comes along.
    """
    found, sent = looked_at(listing_id), Sent(request.POST.dict())
    if not holds.waiting().filter(pk=found.pk).exists():
        trouble = "Nothing of it waits for a verdict."
        return shown(request, found, trouble=trouble, refusing=sent, status=422)
    try:
        holds.take(found.pk, judge_of(request), review_rules().hold_seconds)
    except ListingRefused as refused:
        again = looked_at(listing_id)
        return shown(request, again, trouble=_words(refused), refusing=sent, status=422)
    if sent.reason:  # not to be kept in an address
        return shown(request, looked_at(listing_id), refusing=sent)
    return redirect("moderation-item", found.pk)


@moderator_only
@require_POST
def leave(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """Leave it to the others."""
    holds.let_go(looked_at(listing_id).pk, judge_of(request))
    return redirect("moderation-queue")


@moderator_only
@require_POST
def approve(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """Say yes to exactly what was looked at."""
    return _judged(
        request,
        listing_id,
        lambda: verdicts.approve(
            listing_id, _seen_hash(request), judge_of(request), review_rules()
        ),
    )


@moderator_only
@require_POST
def refuse(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """Send it back; its seller reads the reason."""
    return _sent_back(request, listing_id, asking=False)


@moderator_only
@require_POST
def ask(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """Send it back with what would make it good."""
    return _sent_back(request, listing_id, asking=True)


@moderator_only
@require_POST
def suspend(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """Stop it at once, everywhere."""
    return _stopped_or_restored(
        request,
        listing_id,
        lambda: verdicts.suspend(listing_id, _reason(request), judge_of(request)),
    )


@moderator_only
@require_POST
def restore(request: HttpRequest, listing_id: UUID) -> HttpResponse:
    """Lift the suspension that was read."""
    return _stopped_or_restored(
        request,
        listing_id,
        lambda: verdicts.restore(
            listing_id, judge_of(request), review_rules(), _seen_version(request)
        ),
    )


@moderator_only
@require_POST
def undo(request: HttpRequest, verdict_id: UUID) -> HttpResponse:
    """Take back what one said in the last ten seconds."""
    try:
        verdict = verdicts.undo(verdict_id, judge_of(request), review_rules())
    except ListingRefused as refused:
        messages.error(request, _words(refused))
        return redirect("moderation-queue")
    return redirect("moderation-item", verdict.listing_id)


def _sent_back(request: HttpRequest, listing_id: UUID, *, asking: bool) -> HttpResponse:
    return _judged(
        request,
        listing_id,
        lambda: verdicts.send_back(
            listing_id,
            _seen_hash(request),
            _reason(request),
            judge_of(request),
            review_rules(),
            asking=asking,
        ),
    )


def _judged(request: HttpRequest, listing_id: UUID, say: Callable[[], object]) -> HttpResponse:
    """A verdict, and then the next one; whatever stands in its way is said on the same page."""
    found = looked_at(listing_id)
    try:
        say()
    except ListingRefused as refused:
        again, sent = looked_at(found.pk), _sent(request, refused)
        return shown(request, again, trouble=_words(refused), refusing=sent, status=422)
    return _next(request)


def _stopped_or_restored(
    request: HttpRequest, listing_id: UUID, do: Callable[[], object]
) -> HttpResponse:
    found = looked_at(listing_id)
    try:
        do()
    except ListingRefused as refused:
        again, sent = looked_at(found.pk), _sent(request, refused)
        return shown(request, again, trouble=_words(refused), stopping=sent, status=422)
    return redirect("moderation-item", found.pk)


def _next(request: HttpRequest, after: UUID | None = None) -> HttpResponse:
    found = holds.take_next(judge_of(request), review_rules().hold_seconds, after)
    if found is None:
        messages.info(request, NOTHING_WAITS)
        return redirect("moderation-queue")
    return redirect("moderation-item", found)


def _seen_hash(request: HttpRequest) -> bytes:
    try:
        return bytes.fromhex(request.POST.get("revision", ""))
    except ValueError:
        return b""


def _seen_version(request: HttpRequest) -> int:
    said = request.POST.get("version", "")
    return int(said) if said.isdecimal() and len(said) < 19 else -1  # which no listing has


def _sent(request: HttpRequest, refused: ListingRefused) -> Sent:
    """The form as it was sent, to be mended and sent again."""
    wrong = refused.message if refused.field == "reason" else ""
    return Sent(request.POST.dict(), wrong)


def _reason(request: HttpRequest) -> str:
    return Sent(request.POST.dict()).reason


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _words(refused: ListingRefused) -> str:
    if refused.why is Why.TOO_LATE:
        return refused.message.capitalize() + "."
    return f"Not done: {refused.message}."
