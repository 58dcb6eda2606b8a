"""Whether somebody was at the audit log: its last entries, as many as there is time for."""

from __future__ import annotations

from typing import Final

from marketplace.doctor.findings import Finding, fail, ok
from payments import audit_log

AT_A_GLANCE: Final = 100  # for a page that is made every few seconds
BY_HAND: Final = 10_000
_FIX: Final = "`python3 manage.py audit verify` names all of it; docs/operate.md, “The audit log”"


def examine_audit_log(most: int) -> Finding:
    """The end of the chain, where whoever hides something has to begin."""
    end, looked_at, faults = audit_log.verify_end(most)
    if faults:
        others = f", and {len(faults) - 1} more" if len(faults) > 1 else ""
        return fail("audit", f"somebody was at the audit log: {faults[0]}{others}", _FIX)
    if not end.sequence:
        return ok("audit", "nothing is written down yet")
    if looked_at == end.sequence:
        return ok("audit", f"{end.sequence:,} entries, whole")
    words = f"{end.sequence:,} entries, the last {looked_at:,} whole"
    return ok("audit", f"{words}; `python3 manage.py audit verify` goes through all")
