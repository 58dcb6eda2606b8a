"""What was done is written down for good, and whoever changes the log is seen."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from io import StringIO
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.core.management import CommandError, call_command
from django.db import ProgrammingError, connection, transaction

from marketplace.doctor.audited import examine_audit_log
from marketplace.doctor.findings import Level
from payments import audit_log
from payments.audit_chain import EMPTY
from payments.models import AuditEntry, AuditHead
from tests.fixtures.threads import together

pytestmark = pytest.mark.django_db
LISTING = "listing:0192b3c4-0000-7000-8000-000000000001"
TABLES = ("payments_auditentry", "payments_audithead")


def written(count: int = 5) -> list[AuditEntry]:
    for number in range(1, count + 1):
        audit_log.record(f"user:{number}", "listing.paused", LISTING, after={"n": number})
    return list(AuditEntry.objects.order_by("sequence"))


def copied(sequence: str, source: int, actor: str = "actor") -> str:
    """A statement that puts one entry's copy in."""
    return (
        f"insert into payments_auditentry select {sequence}, at, {actor}, act, subject, before,"
        f" after, why, previous, hash from payments_auditentry where sequence = {source}"
    )


def sql(*statements: str) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def as_its_owner(*statements: str) -> None:
    """What somebody does who may switch the guards off."""
    off = [f"alter table {table} disable trigger user" for table in TABLES]
    on = [f"alter table {table} enable trigger user" for table in TABLES]
    sql(*off, *statements, *on)


def test_an_entry_says_who_did_what_and_what_it_was_before() -> None:
    audit_log.record(
        "user:7",
        "listing.refused",
        LISTING,
        before={"state": "in_review", "price": Decimal("0.005"), "id": UUID(int=7)},
        after={"state": "draft", "amount": 10**30, "hash": b"\x01\xff"},
        why="Say which cities.",
    )
    (entry,) = audit_log.entries()
    assert (entry.sequence, entry.actor, entry.act, entry.subject, entry.why) == (
        1, "user:7", "listing.refused", LISTING, "Say which cities.",
    )  # fmt: skip
    assert entry.before == {"state": "in_review", "price": "0.005", "id": str(UUID(int=7))}
    assert entry.after == {"state": "draft", "amount": str(10**30), "hash": "01ff"}
    assert audit_log.verify() == (audit_log.head(), [])


def test_an_empty_log_is_whole() -> None:
    assert audit_log.verify() == (EMPTY, [])


@pytest.mark.parametrize(
    ("actor", "act", "subject"),
    [
        ("ada@example.com", "listing.paused", LISTING),
        ("user:ada lovelace", "listing.paused", LISTING),
        ("Ada", "listing.paused", LISTING),
        ("user:7", "Paused it", LISTING),
        ("user:7", "listing.paused", "ada@example.com"),
    ],
)
def test_names_and_addresses_of_mail_are_refused(actor: str, act: str, subject: str) -> None:
    with pytest.raises(ValueError, match="names nothing"):
        audit_log.record(actor, act, subject)
    assert audit_log.head() == EMPTY


def test_values_that_have_no_one_spelling_are_refused() -> None:
    with pytest.raises(ValueError, match="float"):
        audit_log.record("system", "listing.paused", LISTING, after={"price": 0.1})


def test_an_act_that_is_undone_leaves_no_entry() -> None:
    with transaction.atomic():
        written(2)
        transaction.set_rollback(True)
    written(1)
    assert audit_log.verify()[0].sequence == 1


@pytest.mark.parametrize(
    "statement",
    [
        "update payments_auditentry set why = 'because' where sequence = 2",
        "delete from payments_auditentry where sequence = 5",
        "update payments_audithead set sequence = 4",
        "delete from payments_audithead",
        copied("sequence + 2", 5),
        copied("sequence + 1", 5),
    ],
)
def test_the_database_refuses_whatever_is_not_the_next_entry(statement: str) -> None:
    written()
    with pytest.raises(ProgrammingError, match=r"append-only|follows"):
        sql(statement)
    assert audit_log.verify()[1] == []


@pytest.mark.parametrize("table", TABLES)
def test_the_database_refuses_to_empty_the_log(table: str) -> None:
    with pytest.raises(ProgrammingError, match="append-only"):
        sql(f"truncate {table}")


MOVED = "update payments_auditentry set sequence = {} where sequence = {}"
TAMPERINGS: dict[str, tuple[list[str], list[str]]] = {
    "changed": (
        ["update payments_auditentry set actor = 'user:9' where sequence = 3"],
        ["entry 3 was changed"],
    ),
    "changed with its hash": (
        ["update payments_auditentry set hash = sha256('other') where sequence = 3"],
        ["entry 3 was changed", "entry 4 does not follow on entry 3"],
    ),
    "deleted": (
        ["delete from payments_auditentry where sequence in (2, 3)"],
        ["entries 2 to 3 are missing"],
    ),
    "deleted and closed up": (
        [
            "delete from payments_auditentry where sequence = 2",
            *(MOVED.format(to, to + 1) for to in (2, 3, 4)),
            "update payments_audithead set sequence = 4",
        ],
        ["entry 2 does not follow on entry 1", "entry 2 was changed", "entry 3 was changed",
         "entry 4 was changed"],
    ),
    "reordered": (
        [MOVED.format(99, 2), MOVED.format(2, 3), MOVED.format(3, 99)],
        ["entry 2 does not follow on entry 1", "entry 2 was changed",
         "entry 3 does not follow on entry 2", "entry 3 was changed",
         "entry 4 does not follow on entry 3"],
    ),
    "inserted": (
        [
            *(MOVED.format(at + 1, at) for at in (5, 4, 3)),
            copied("3", 4, "'user:9'"),
            "update payments_audithead set sequence = 6",
        ],
        ["entry 3 was changed", "entry 4 does not follow on entry 3", "entry 4 was changed",
         "entry 5 was changed", "entry 6 was changed"],
    ),
    "cut off": (
        ["delete from payments_auditentry where sequence > 3"],
        ["entries 4 to 5 are missing at the end"],
    ),
    "set back": (
        ["update payments_audithead set sequence = 4"],
        ["the head names entry 4, and the log ends otherwise"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", TAMPERINGS)
def test_whoever_was_at_the_log_is_seen(name: str) -> None:
    statements, seen = TAMPERINGS[name]
    written()
    as_its_owner(*statements)
    assert audit_log.verify()[1] == seen


@pytest.mark.parametrize("name", TAMPERINGS)
def test_a_glance_at_the_end_sees_what_was_done_there(name: str) -> None:
    statements, seen = TAMPERINGS[name]
    written()
    as_its_owner(*statements)
    assert audit_log.verify_end(5)[2] == seen
    found = examine_audit_log(5)
    assert (found.level, seen[0] in found.words) == (Level.FAIL, True)
    assert "python3 manage.py audit verify" in found.fix


def test_a_glance_says_how_far_it_went() -> None:
    assert audit_log.verify_end(3) == (audit_log.head(), 0, [])
    written()
    assert examine_audit_log(5).words == "5 entries, whole"
    assert examine_audit_log(3).words.startswith("5 entries, the last 3 whole")
    as_its_owner(*TAMPERINGS["changed"][0])
    assert audit_log.verify_end(2)[2] == []
    assert audit_log.verify_end(3)[2] == ["entry 3 was changed"]
    as_its_owner("delete from payments_auditentry where sequence >= 4")
    assert audit_log.verify_end(2)[2] == ["entries 4 to 5 are missing at the end"]


def test_an_end_cut_off_with_its_head_is_seen_by_what_was_written_down_elsewhere() -> None:
    rows = written()
    noted = audit_log.head()
    as_its_owner(
        "delete from payments_auditentry where sequence > 3",
        f"update payments_audithead set sequence = 3, hash = '\\x{bytes(rows[2].hash).hex()}'",
    )
    assert audit_log.verify()[1] == []
    assert audit_log.verify(noted)[1] == ["entry 5 was written down elsewhere, and is not here"]
    written(2)  # the same number, and another entry
    assert audit_log.verify(noted)[1] == ["entry 5 is not the one that was written down elsewhere"]


@pytest.mark.django_db(transaction=True)
def test_many_who_act_at_once_make_one_chain() -> None:
    together(*[lambda: written(3)] * 6)
    head, found = audit_log.verify()
    assert (head.sequence, found) == (18, [])
    assert AuditHead.objects.count() == 1


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("audit", *arguments, stdout=out)
    return out.getvalue()


def test_the_command_verifies_the_log_and_a_copy_of_it(tmp_path: Path) -> None:
    written()
    head = str(audit_log.head())
    assert said("verify") == f"5 entries, whole; it ends with {head}\n"
    copy = tmp_path / "audit.jsonl"
    copy.write_text(said("export"), encoding="utf-8")
    manifest = tmp_path / "souk.dump.json"
    manifest.write_text(json.dumps({"audit_head": head}))
    assert "5 entries, whole" in said("verify", "--file", str(copy), "--manifest", str(manifest))
    lines = copy.read_text(encoding="utf-8").splitlines(keepends=True)
    copy.write_text("".join(lines[:3]), encoding="utf-8")
    assert "3 entries, whole" in said("verify", "--file", str(copy))
    out = StringIO()
    with pytest.raises(SystemExit, match="1"):
        call_command("audit", "verify", "--json", "--file", str(copy), "--expect", head, stdout=out)
    assert json.loads(out.getvalue())["faults"] == [
        "entry 5 was written down elsewhere, and is not here"
    ]


@pytest.mark.parametrize(
    "asked",
    [
        lambda folder: ("--expect", "five"),
        lambda folder: ("--manifest", str(folder / "none.json")),
        lambda folder: ("--file", __file__),
    ],
)
def test_a_question_that_cannot_be_asked_says_so(
    tmp_path: Path, asked: Callable[[Path], Any]
) -> None:
    with pytest.raises(CommandError) as refused:
        said("verify", *asked(tmp_path))
    assert refused.value.returncode == 2
