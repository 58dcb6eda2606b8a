"""What the pages of all three sides show of disputes, in one place."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from payments import documents
from payments.cut_streams import hash_of
from payments.disputes.acts import possible
from payments.ids import read_id
from payments.models import Dispute, Side
from payments.reports.case_lists import FILTERS, CaseRow
from payments.reports.cases import case_report
from payments.serving.paging import Page
from payments.surroundings import surroundings
from payments.wiring.networks import explorer_url
from payments.written import sha256
from payments.x402.networks import NETWORKS

Edges = dict[str, UUID | None]


def list_context(
    asked: Mapping[str, str], cases: Callable[[str, Edges], Page[CaseRow]], usual: str = "open"
) -> dict[str, Any]:
    """A page of cases, as the address asks for it."""
    which = asked.get("show", usual)
    which = which if which in FILTERS else usual
    edges = {name: read_id(asked.get(name, "")) for name in ("newer", "older")}
    page = cases(which, edges)

    def address(**more: Any) -> str:
        return "?" + urlencode({"show": which, **more})

    return {
        "rows": page.rows,
        "which": which,
        "tabs": [
            {"label": label, "href": f"?show={key}", "current": key == which, "count": None}
            for key, label in FILTERS.items()
        ],
        "edges": page.edges(address),
    }


def case_context(
    dispute: Dispute, side: Side, posted: Mapping[str, str], trouble: str, what: str
) -> dict[str, Any]:
    """One case for one side, with what it can do, and what was typed and did not do."""
    report = case_report(dispute, side)
    document = documents.status_document(report.payment, surroundings(report.payment))
    cut = report.payment.cut
    return {
        "case": report,
        "dispute": dispute,
        "payment": document,
        "paid": documents.amount_of(report.payment),
        "payment_words": report.payment.words,
        "cut": cut,
        "cut_hash": sha256(hash_of(cut)) if cut else "",
        "network": NETWORKS.get(report.payment.payment.network),
        "can": possible(dispute, side),
        "explorer": explorer_url(report.payment.payment.network),
        "links": document["links"],
        "trouble": trouble,
        "tried": what,
        "typed": posted,
    }
