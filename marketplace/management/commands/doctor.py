"""`manage.py doctor`: proves an installation, or says what it lacks and how to mend it."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import DatabaseError

from marketplace.doctor.audited import BY_HAND, examine_audit_log
from marketplace.doctor.database import examine_database
from marketplace.doctor.findings import Finding, Level, fail, worst
from marketplace.doctor.installation import examine_installation
from marketplace.doctor.networks import examine_networks, read_gas_books
from marketplace.doctor.programs import examine_programs
from marketplace.doctor.workings import examine_workings

MARKS = {Level.OK: "ok  ", Level.WARN: "warn", Level.FAIL: "FAIL"}


class Command(BaseCommand):
    help = "Examine this installation: exit code 0 well, 1 with warnings, 2 with failures."
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--json", action="store_true", help="answer in JSON")
        parser.add_argument(
            "--fix", action="store_true", help="do what takes no decision, and examine again"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        findings = examine()
        mended = [each.words for each in findings if mend(each)] if options["fix"] else []
        if mended:
            findings = examine()
        if options["json"]:
            found = [finding.to_json() for finding in findings]
            document = {"level": worst(findings).name.lower(), "findings": found}
            self.stdout.write(json.dumps({**document, "mended": mended}, indent=2))
        else:
            for words in mended:
                self.stdout.write(f"mended  {words}")
            for finding in findings:
                self.stdout.write(in_words(finding))
        sys.exit(worst(findings))


def mend(finding: Finding) -> bool:
    """Whether this could be mended without asking anybody; what could not is found again."""
    if finding.mend is None:
        return False
    try:
        finding.mend()
    except (OSError, DatabaseError, CommandError):
        return False
    return True


def examine() -> list[Finding]:
    """Everything, as far as it goes: rows are read only where there are tables."""
    findings = [*examine_installation(), *examine_database()]
    if not any(each.subject == "migrations" and each.level is Level.OK for each in findings):
        return findings
    try:
        findings += asyncio.run(examine_networks(read_gas_books()))
        findings += [*examine_programs(), *examine_workings(), examine_audit_log(BY_HAND)]
    except DatabaseError as error:
        findings.append(fail("database", f"it went away: {error}", "look at its log"))
    return findings


def in_words(finding: Finding) -> str:
    line = f"{MARKS[finding.level]}  {finding.subject:<14}  {finding.words}"
    return line if not finding.fix else f"{line}\n{'':<22}→ {finding.fix}"
