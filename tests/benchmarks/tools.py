"""Programs of the machine that a run uses, and what to say when one is not there."""

from __future__ import annotations

import shutil
from typing import Final

from tests.benchmarks.nginx import MISSING as NGINX_MISSING
from tests.benchmarks.nginx import find_nginx

MISSING: Final = {
    "nginx": NGINX_MISSING,
    "wrk": "wrk is missing: sudo apt install wrk",
    "node": "node and npm are missing: sudo apt install nodejs npm",
}


def missing_tools() -> dict[str, str]:
    """Each program that is not here, with the line that brings it."""
    here = {
        "nginx": find_nginx() is not None,
        "wrk": shutil.which("wrk") is not None,
        "node": shutil.which("node") is not None and shutil.which("npm") is not None,
    }
    return {name: words for name, words in MISSING.items() if not here[name]}
