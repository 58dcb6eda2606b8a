"""Drafts from an OpenAPI document: read it, choose operations, get a draft of each."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from sellers import imports, worksheets
from sellers.imports import Operation
from sellers.models import Seller
from sellers.pages.own import seller_only
from sellers.refusals import ListingRefused
from sellers.site import this_site


@seller_only
@require_http_methods(["GET", "HEAD", "POST"])
def document(request: HttpRequest, seller: Seller) -> HttpResponse:
    """Paste, upload or name a document; then choose from what is in it."""
    if request.method != "POST":
        return render(request, "sellers/import.html", {"seller": seller})
    try:
        text = _text(request)
        found = imports.operations(text, base_url=_base(request, text))
        chosen = _chosen(request, found)
        if not chosen:
            return _choice(request, seller, text, found)
        sheets = [worksheets.start(seller, imports.typed_of(each)) for each in chosen]
    except ListingRefused as refused:
        return _again(request, seller, refused)
    messages.success(request, f"{len(sheets)} drafts are ready to be finished.")
    if len(sheets) == 1:
        return redirect("sell-draft", sheets[0].pk)
    return redirect("sell-home")


def _text(request: HttpRequest) -> str:
    """The document, wherever it is: a file, the field, or its address."""
    given = request.FILES.get("file")
    if given is not None:
        return imports.decoded(given.read(imports.DOCUMENT_BYTES_MAX + 1))
    text = request.POST.get("text", "")
    if text.strip():
        return text
    return imports.fetched(request.POST.get("url", ""), this_site())


def _base(request: HttpRequest, text: str) -> str:
    return request.POST.get("base_url", "") or request.POST.get("url", "")


def _chosen(request: HttpRequest, found: list[Operation]) -> list[Operation]:
    keys = set(request.POST.getlist("operation"))
    return [each for each in found if each.key in keys]


def _choice(
    request: HttpRequest, seller: Seller, text: str, found: list[Operation]
) -> HttpResponse:
    context: dict[str, Any] = {
        "seller": seller,
        "text": text,
        "base_url": _base(request, text),
        "operations": found,
        "none_chosen": request.POST.get("action") == "choose",
    }
    status = 422 if context["none_chosen"] else 200
    return render(request, "sellers/choose.html", context, status=status)


def _again(request: HttpRequest, seller: Seller, refused: ListingRefused) -> HttpResponse:
    context = {
        "seller": seller,
        "refused": refused,
        "url": request.POST.get("url", ""),
        "text": request.POST.get("text", ""),
        "base_url": request.POST.get("base_url", ""),
    }
    return render(request, "sellers/import.html", context, status=422)
