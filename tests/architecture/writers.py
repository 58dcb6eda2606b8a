"""Who may write the facts about money and about what is sold: one file for each, or one act."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.architecture.tree import Module, modules

ORM_WRITES = re.compile(
    r"\.(create|acreate|update|aupdate|delete|adelete|bulk_\w+|abulk_\w+|get_or_create"
    r"|aget_or_create|update_or_create|aupdate_or_create|save|asave)$"
)


@dataclass(frozen=True, slots=True)
class Fact:
    """Columns of one table, its model, and the files that may write them."""

    table: str
    model: str
    columns: tuple[str, ...]  # none: any column
    may_update: tuple[str, ...]
    may_insert: tuple[str, ...]


FACTS = (
    # The claim inserts a payment's first state; only the guarded UPDATE changes it.
    Fact(
        "payments_progress",
        "Progress",
        ("work", "money", "version"),
        ("payments/moves.py",),
        ("payments/acceptance/claiming.py",),
    ),
    # A door's own streams alone; erasing deletes.
    Fact(
        "payments_streampart",
        "StreamPart",
        (),
        ("payments/acceptance/passing.py", "payments/erasing.py"),
        ("payments/acceptance/passing.py",),
    ),
    Fact("payments_transfer", "Transfer", (), ("payments/ledger.py",), ("payments/ledger.py",)),
    Fact(
        "payments_submission",
        "Submission",
        (),
        ("payments/facilitators/submissions.py",),
        ("payments/facilitators/submissions.py",),
    ),
    *(
        Fact(
            f"payments_{model.lower()}",
            model,
            (),
            ("payments/earnings.py",),
            ("payments/earnings.py",),
        )
        for model in ("Counted", "EarningsDay", "BuyerDay", "EarningsVersion")
    ),
    Fact(
        "payments_limit",
        "Limit",
        (),
        ("payments/limits/setting.py", "payments/limits/groups.py"),
        ("payments/limits/setting.py",),
    ),
    Fact(
        "payments_limitgroup",
        "LimitGroup",
        (),
        ("payments/limits/groups.py",),
        ("payments/limits/groups.py",),
    ),
    Fact(
        "payments_limitalert",
        "LimitAlert",
        (),
        ("payments/limits/alerts.py", "payments/database/retention.py"),
        ("payments/limits/alerts.py",),
    ),
    *(
        Fact(
            f"payments_{model.lower()}",
            model,
            (),
            ("payments/audit_log.py",),
            ("payments/audit_log.py",),
        )
        for model in ("AuditEntry", "AuditHead")
    ),
    Fact(
        "payments_dispute",
        "Dispute",
        ("state", "version", "deadline_at", "closed_at", "ordered"),
        ("payments/disputes/cases.py", "payments/disputes/clock.py"),
        ("payments/disputes/cases.py",),
    ),
    Fact(
        "payments_refund",
        "Refund",
        (),
        ("payments/refunds/booking.py", "payments/refunds/naming.py"),
        ("payments/refunds/naming.py",),
    ),
    Fact("payments_stepmark", "StepMark", (), ("payments/reading.py",), ("payments/reading.py",)),
    Fact(
        "payments_openoffer",
        "OpenOffer",
        (),
        ("sellers/on_sale/open_offers.py",),
        ("sellers/on_sale/open_offers.py",),
    ),
    # A seller names it, a look at it decides; a worker that takes the look claims it.
    Fact(
        "sellers_domain",
        "Domain",
        ("name", "token", "verified_at"),
        ("sellers/domains/claims.py", "sellers/domains/findings.py"),
        ("sellers/domains/claims.py",),
    ),
    # Its seller's acts and the marketplace's; stopping says the state, the shelf saves it.
    Fact(
        "sellers_listing",
        "Listing",
        ("state", "live_revision_id", "proposed_revision_id", "submitted_at", "shelf_version"),
        ("sellers/listings.py", "sellers/reviews/judging.py", "sellers/on_sale/shelving.py"),
        ("sellers/listings.py",),
    ),
)


def violations(checkout: Path) -> list[str]:
    return [
        f"{place} writes {fact.table}"
        for module in modules(checkout)
        if "/migrations/" not in module.path
        for fact in FACTS
        for place in writes(module, fact)
    ]


def writes(module: Module, fact: Fact) -> Iterator[str]:
    for node, text in module.texts:
        if module.path not in fact.may_update and updates(text, fact):
            yield module.at(node)
        if module.path not in fact.may_insert and inserts(text, fact):
            yield module.at(node)
    if module.path not in fact.may_update:
        yield from orm_writes(module, fact)


def updates(sql: str, fact: Fact) -> bool:
    if re.search(rf"\bdelete\s+from\s+{fact.table}\b", sql, re.IGNORECASE):
        return True
    pattern = rf"\bupdate\s+(?:only\s+)?{fact.table}\b.*?\bset\b(.*?)(?:\bwhere\b|\breturning\b|$)"
    changed = re.findall(pattern, sql, re.IGNORECASE | re.DOTALL)
    columns = "|".join(fact.columns) or r"\w+"
    return any(re.search(rf"(?:^|[\s,(])(?:{columns})\s*[,=)]", part) for part in changed)


def inserts(sql: str, fact: Fact) -> bool:
    pattern = rf"\b(?:insert\s+into|copy|merge\s+into)\s+{fact.table}\b"
    return re.search(pattern, sql, re.IGNORECASE) is not None


def orm_writes(module: Module, fact: Fact) -> Iterator[str]:
    """`Progress.objects…update()`, `drop_rows(Progress.objects…)`, and `save()` on a variable
    named like the model."""
    for name, call in module.calls:
        if name == "drop_rows" and any(fact.model == name_of(each) for each in ast.walk(call)):
            yield module.at(call)
        root = name.split(".")[0].removesuffix("()")
        own = root == fact.model or root == fact.model.lower()
        if own and isinstance(call.func, ast.Attribute) and ORM_WRITES.search(name):
            yield module.at(call)


def name_of(node: ast.AST) -> str:
    return node.id if isinstance(node, ast.Name) else ""
