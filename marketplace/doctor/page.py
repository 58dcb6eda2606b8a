"""How the site is, in words, for who runs it; the same facts for their machines."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from marketplace.access import admin_only
from marketplace.doctor.findings import Finding, Level, worst
from marketplace.doctor.glance import GLANCE, THE_SITE, examine, version_of
from marketplace.doctor.metrics import CONTENT_TYPE, metrics
from marketplace.doctor.money import answers_wait, in_days
from payments.live.happenings import query_of
from payments.reports.workings import fuel, speeds, waiting
from payments.serving.page_or_json import is_person
from payments.wiring.networks import networks

TITLES: Final = {
    "worker": "Worker", "beat": "Beat", "broker": "Messages", "settling": "Settling",
    "gas": "Gas", "ledger": "Ledger", "webhooks": "Webhooks", "endpoints": "Endpoints",
    "decisions": "Decisions", "backup": "Backup", "size": "Database",
    "audit": "Audit log",
}  # fmt: skip
_SAID: Final = {
    Level.OK: ("well", "good"),
    Level.WARN: ("look", "waiting"),
    Level.FAIL: ("act", "bad"),
}


@dataclass(frozen=True, slots=True)
class Tile:
    """One part of the site: its findings, and how bad the worst of them is."""

    title: str
    findings: tuple[Finding, ...]

    @property
    def level(self) -> Level:
        return worst(self.findings)

    @property
    def word(self) -> str:
        return _SAID[self.level][0]

    @property
    def tone(self) -> str:
        return _SAID[self.level][1]


@admin_only
@require_safe
def health(request: HttpRequest) -> HttpResponse:
    """One sentence, and a tile for each part; what is wrong comes first, with its command."""
    part = bool(getattr(request, "htmx", False))
    findings = GLANCE.findings() if part else examine()
    level = worst(findings)
    if not part and not is_person(request):
        return JsonResponse(in_json(findings))
    context = {
        "said": in_a_sentence(findings),
        "tone": _SAID[level][1],
        "tiles": _tiles(findings),
        "live": query_of([THE_SITE], {THE_SITE: version_of(findings)}),
    }
    response = render(request, f"operator/{'_tiles' if part else 'health'}.html", context)
    patch_vary_headers(response, ["Accept", "HX-Request"])
    return response


@require_safe
def scrape(request: HttpRequest) -> HttpResponse:
    """Numbers for Prometheus, for who knows the token; nothing is here without one."""
    if not shows_the_token(request):
        raise Http404
    return HttpResponse(metrics(), content_type=CONTENT_TYPE)


def shows_the_token(request: HttpRequest) -> bool:
    """Whether this is a program of the operator's, which knows the token for the metrics."""
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    token = settings.METRICS_TOKEN
    return bool(token) and hmac.compare_digest(given.encode(), token.encode())


def facts() -> dict[str, Any]:
    """All that the operator's page shows, for programs of the operator's."""
    return in_json(examine())


def in_json(findings: Sequence[Finding]) -> dict[str, Any]:
    return {
        "level": worst(findings).name.lower(),
        "said": in_a_sentence(findings),
        "findings": [finding.to_json() for finding in findings],
    }


def in_a_sentence(findings: Sequence[Finding]) -> str:
    """The first thing an operator wants to know."""
    acts = [each for each in findings if each.level is Level.FAIL]
    looks = sum(each.level is Level.WARN for each in findings)
    if acts:
        others = f", and {len(acts) - 1} more" if len(acts) > 1 else ""
        return f"{acts[0].words[:1].upper()}{acts[0].words[1:]}{others}."
    said = [_settled(), *_gas()]
    if looks:
        said.append(f"{looks} thing{'s' if looks > 1 else ''} to look at")
    return f"{'; '.join(said)}."


def _settled() -> str:
    late = sum(each.payments for each in waiting())
    if late:
        return answers_wait(late)
    slowest = max((each.p95_seconds for each in speeds()), default=None)
    if slowest is None:
        return "Everything is settled"
    return f"All settled within {max(1, round(slowest))} s"


def _gas() -> list[str]:
    days = [tank.days for tank in fuel(networks()) if tank.days is not None]
    return [f"gas for {in_days(min(days))}"] if days else []


def _tiles(findings: Sequence[Finding]) -> list[Tile]:
    by_subject: dict[str, list[Finding]] = {}
    for finding in findings:
        by_subject.setdefault(finding.subject, []).append(finding)
    tiles = [Tile(TITLES.get(subject, subject), tuple(of)) for subject, of in by_subject.items()]
    return sorted(tiles, key=lambda tile: -tile.level)
