"""Who may write the facts about money: one file for each."""

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
        ("payments/states.py",),
        ("payments/acceptance.py", "payments/states.py"),
    ),
    Fact("payments_transfer", "Transfer", (), ("payments/ledger.py",), ("payments/ledger.py",)),
    Fact(
        "payments_submission",
        "Submission",
        (),
        ("payments/submissions.py",),
        ("payments/submissions.py",),
    ),
    *(
        Fact(
            f"payments_{model.lower()}",
            model,
            (),
            ("payments/earnings.py",),
            ("payments/earnings.py",),
        )
        for model in ("Counted", "EarningsDay", "BuyerDay", "EarningsMark", "EarningsVersion")
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
    for node, text in module.texts():
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
    """`Progress.objects…update()`, and `save()` on a variable named like the model."""
    for name, call in module.calls():
        root = name.split(".")[0].removesuffix("()")
        own = root == fact.model or root == fact.model.lower()
        if own and isinstance(call.func, ast.Attribute) and ORM_WRITES.search(name):
            yield module.at(call)
