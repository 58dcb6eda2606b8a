"""What sellers send is data: it is handed on, and nothing in it may act where it is shown."""

from __future__ import annotations

from typing import Final

SANDBOX: Final = "sandbox; default-src 'none'"  # a policy (CSP) for bytes of any type

# Where a browser would run or show an answer instead of reading it (Fetch, request destinations).
EMBEDDING: Final = frozenset(
    {
        "audioworklet", "embed", "fencedframe", "frame", "iframe", "object", "paintworklet",
        "script", "serviceworker", "sharedworker", "style", "worker", "xslt",
    }
)  # fmt: skip
