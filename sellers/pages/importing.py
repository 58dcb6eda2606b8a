"""Drafts from an OpenAPI document: read it, choose operations, get a draft of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_safe

from payments.ids import read_id
from payments.live.happenings import Topic, live_query
from sellers.bells import ring_for_document
from sellers.drafting import fetches, imports, readings, worksheets
from sellers.happenings import DOCUMENT
from sellers.models import Fetch, Seller
from sellers.openapi import documents
from sellers.openapi.operations import Operation, operations
from sellers.pages.own import seller_only
from sellers.pages.parts import asks_for_part
from sellers.refusals import ListingRefused, TooOften, bad
from sellers.site import this_site

LOST_NAMED_MAX: Final = 3


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def document(request: HttpRequest, seller: Seller) -> HttpResponse:
    """Paste, upload or name a document; then choose from what is in it."""
    if request.method != "POST":
        return render(request, "sellers/import.html", {"seller": seller})
    try:
        if (job := _named(request, seller)) is not None:
            return redirect("sell-fetch", job.pk)
        given = _given(request, seller)
        with readings.turn(seller, this_site()):
            found = operations(given.text, given.base_url, given.url)
        chosen = _chosen(request, found)
        if not chosen or "again" in request.POST:
            return _choice(request, seller, given, found)
        try:
            sheets = worksheets.start_all(seller, [imports.typed_of(each) for each in chosen])
        except ListingRefused as refused:
            return _choice(request, seller, given, found, refused)
    except ListingRefused as refused:
        return _again(request, seller, refused)
    _tell_of_lost(request, chosen)
    if len(sheets) == 1:
        messages.success(request, "The draft is ready to be finished.")
        return redirect("sell-draft", sheets[0].pk)
    messages.success(request, f"{len(sheets)} drafts are ready to be finished.")
    return redirect("sell-home")


@seller_only
@require_safe
def fetched(request: HttpRequest, seller: Seller, fetch_id: UUID) -> HttpResponse:
    """A document that a worker fetches: the page waits, then shows what is in it."""
    live = live_query(Topic(DOCUMENT, fetch_id))
    job = fetches.of(seller, fetch_id)
    if job is None:
        raise Http404
    if asks_for_part(request):
        response = render(request, "sellers/_fetch.html", {"job": job, "live": live})
        if job.due_at is None:
            response["HX-Refresh"] = "true"
        return response
    if job.due_at is not None:
        return render(request, "sellers/fetch.html", {"job": job, "live": live})
    try:
        if job.why or not job.text:
            raise bad("url", job.why or "the document is not kept any more; read it once more")
        with readings.turn(seller, this_site()):
            found = operations(job.text, job.base_url, job.url)
    except ListingRefused as refused:
        return _again(request, seller, refused, {"url": job.url, "base_url": job.base_url})
    given = Given(job.text, job.base_url, job.url, job.pk)
    return _choice(request, seller, given, found)


def _named(request: HttpRequest, seller: Seller) -> Fetch | None:
    """The job that fetches a document, where its address is all that was given."""
    posted = request.POST
    if request.FILES.get("file") or posted.get("text", "").strip() or posted.get("fetch"):
        return None
    url, base_url = posted.get("url", ""), posted.get("base_url", "")
    job = fetches.ask(seller, url, base_url, this_site())
    transaction.on_commit(lambda: ring_for_document(job.pk))
    return job


@dataclass(frozen=True, slots=True)
class Given:
    """A document, what was said of where it is, and under which name it is kept already."""

    text: str
    base_url: str
    url: str
    fetch_id: UUID | None = None


def _given(request: HttpRequest, seller: Seller) -> Given:
    """The document as a file or in the field, or the one that was read before."""
    posted = request.POST
    base_url, named = posted.get("base_url", ""), posted.get("fetch", "")
    if named:
        fetch_id = read_id(named)
        job = fetches.of(seller, fetch_id) if fetch_id else None
        if job is None or not job.text:
            raise bad("url", "the document is not kept any more; read it once more")
        return Given(job.text, base_url, job.url, job.pk)
    file, text = request.FILES.get("file"), posted.get("text", "")
    if file is not None:
        text = documents.decoded(file.read(documents.DOCUMENT_BYTES_MAX + 1))
    return Given(text, base_url, posted.get("url", ""))


def _chosen(request: HttpRequest, found: list[Operation]) -> list[Operation]:
    keys = set(request.POST.getlist("operation"))
    return [each for each in found if each.key in keys]


@dataclass(frozen=True, slots=True)
class Choice:
    """What a document offers, and what was said of where it is."""

    fetch_id: UUID
    base_url: str
    url: str
    operations: list[Operation]

    @property
    def relative(self) -> list[tuple[str, str]]:
        return imports.relative_servers(self.operations, self.base_url, self.url)

    @property
    def lost(self) -> int:
        """How many operations have no address."""
        return sum(not each.has_address for each in self.operations)


def _choice(
    request: HttpRequest,
    seller: Seller,
    given: Given,
    found: list[Operation],
    refused: ListingRefused | None = None,
) -> HttpResponse:
    """What there is to choose from; the document stays here, and only its name is sent again."""
    kept = given.fetch_id
    if kept is None:
        kept = fetches.hand_in(seller, given.text, given.url, given.base_url, this_site()).pk
    said = request.POST
    none_chosen = said.get("action") == "choose" and "again" not in said and refused is None
    context = {
        "seller": seller,
        "choice": Choice(kept, given.base_url, given.url, found),
        "ticked": said.getlist("operation"),
        "none_chosen": none_chosen,
        "refused": refused,
    }
    status = 422 if none_chosen or refused else 200
    return render(request, "sellers/choose.html", context, status=status)


def _tell_of_lost(request: HttpRequest, chosen: list[Operation]) -> None:
    lost = [each.title for each in chosen if not each.has_address]
    if lost:
        names = ", ".join(lost[:LOST_NAMED_MAX]) + (" and more" * (len(lost) > LOST_NAMED_MAX))
        messages.warning(
            request,
            f"Without an address: {names}. The document does not say in full where its servers"
            " are; type the whole address in the draft's first step.",
        )


def _again(
    request: HttpRequest, seller: Seller, refused: ListingRefused, typed: Any = None
) -> HttpResponse:
    given = request.POST if typed is None else typed
    kept = {name: given.get(name, "") for name in ("url", "text", "base_url")}
    context = {"seller": seller, "refused": refused, **kept}
    if isinstance(refused, TooOften):
        response = render(request, "sellers/import.html", context, status=429)
        response["Retry-After"] = str(refused.retry_seconds)
        return response
    return render(request, "sellers/import.html", context, status=422 if typed is None else 200)
