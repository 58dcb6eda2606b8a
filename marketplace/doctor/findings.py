"""What an examination found: how bad it is, what it is, what to do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum

from django.utils import timezone

from marketplace.look.times import lasting


class Level(IntEnum):
    """How bad; the worst one is the command's exit code."""

    OK = 0
    WARN = 1
    FAIL = 2


@dataclass(frozen=True, slots=True)
class Finding:
    """One fact about the installation."""

    level: Level
    subject: str
    words: str
    fix: str = ""
    # Does what `fix` says, where that takes no decision; it raises when it cannot.
    mend: Callable[[], object] | None = field(default=None, compare=False, repr=False)

    def to_json(self) -> dict[str, str]:
        return {
            "level": self.level.name.lower(),
            "subject": self.subject,
            "words": self.words,
            "fix": self.fix,
        }


def ok(subject: str, words: str) -> Finding:
    return Finding(Level.OK, subject, words)


def warn(subject: str, words: str, fix: str, mend: Callable[[], object] | None = None) -> Finding:
    return Finding(Level.WARN, subject, words, fix, mend)


def fail(subject: str, words: str, fix: str, mend: Callable[[], object] | None = None) -> Finding:
    return Finding(Level.FAIL, subject, words, fix, mend)


def worst(findings: Iterable[Finding]) -> Level:
    return max((finding.level for finding in findings), default=Level.OK)


def ago(at: datetime) -> str:
    """How long something is past, as a finding says it."""
    return f"{lasting((timezone.now() - at).total_seconds())} ago"
