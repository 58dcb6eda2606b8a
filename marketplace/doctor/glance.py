"""The operator's page at a glance: looked at once for everybody who has it open."""

from __future__ import annotations

import hashlib
import json
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final
from uuid import UUID

from marketplace.doctor.audited import AT_A_GLANCE, examine_audit_log
from marketplace.doctor.findings import Finding
from marketplace.doctor.programs import examine_programs
from marketplace.doctor.workings import examine_workings
from payments.live.happenings import Kind, Topic

GOOD_SECONDS: Final = 5.0  # it asks twenty questions of the database, and the broker one
VERSION_CHARACTERS: Final = 16


def examine() -> list[Finding]:
    """What the page shows: the site's own rows, and no node is asked."""
    return [*examine_programs(), *examine_workings(), examine_audit_log(AT_A_GLANCE)]


def version_of(findings: Sequence[Finding]) -> str:
    """Another one whenever the page says anything else."""
    said = json.dumps([finding.to_json() for finding in findings])
    return hashlib.sha256(said.encode()).hexdigest()[:VERSION_CHARACTERS]


class Glance:
    """What was found a moment ago is good enough for a page that follows by itself."""

    def __init__(self, look: Callable[[], Sequence[Finding]]) -> None:
        self._look = look
        self._alone = threading.Lock()
        self._found: Sequence[Finding] = ()
        self._good_until = 0.0

    def findings(self) -> Sequence[Finding]:
        with self._alone:
            if time.monotonic() >= self._good_until:
                self._found = self._look()
                self._good_until = time.monotonic() + GOOD_SECONDS
            return self._found

    def version(self) -> str:
        return version_of(self.findings())


GLANCE: Final = Glance(examine)
OPERATOR: Final = Kind("operator", work_out=GLANCE.version, is_named_alone=True)
THE_SITE: Final = Topic(OPERATOR, UUID(int=0))  # there is one
