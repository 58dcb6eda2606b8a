"""One thing a grader looks at, and how a list of them is told to programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

REQUIRED, ADVISORY = "required", "advisory"
_OURS = "This marketplace's own part; tell its operator."


@dataclass(frozen=True, slots=True)
class Check:
    """One thing a grader looks at."""

    check: str
    passed: bool
    severity: str  # required or advisory
    detail: str
    expected: str
    actual: str
    fix: str = ""
    step: str = ""  # where it is mended

    def to_json(self) -> dict[str, Any]:
        """In CDP's shape, and what to do beside it."""
        said = {
            "check": self.check,
            "passed": self.passed,
            "detail": self.detail,
            "expected": self.expected,
            "actual": self.actual,
            "severity": self.severity,
        }
        return said if self.passed or not self.fix else said | {"fix": self.fix}

    @staticmethod
    def from_json(stored: dict[str, Any]) -> Check:
        return Check(**{**stored, "fix": stored.get("fix", "")})


def preflight(checks: Iterable[Check]) -> dict[str, Any]:
    """The whole list as programs read it."""
    listed = list(checks)
    valid = all(check.passed for check in listed if check.severity == REQUIRED)
    return {"valid": valid, "preflight": [check.to_json() for check in listed]}


def required(check: str, detail: str, expected: str, actual: str) -> Check:
    """Something that must hold, and does."""
    return Check(check, True, REQUIRED, detail, expected, actual)


def advisory(check: str, detail: str, expected: str, actual: str) -> Check:
    """Something that graders like to see, and will."""
    return Check(check, True, ADVISORY, detail, expected, actual)


def judged(
    check: str,
    passed: bool,
    severity: str,
    detail: str,
    expected: str,
    actual: str,
    fix: str = _OURS,
    step: str = "",
) -> Check:
    """What was found, held against what was expected; without a fix it is the operator's."""
    return Check(check, passed, severity, detail, expected, actual, fix, step)
