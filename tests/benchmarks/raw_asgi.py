"""The least a 402 can cost on the same server: fixed bytes, and nothing looked at."""

import os
from pathlib import Path
from typing import Any

# First line the PAYMENT-REQUIRED header, then the body.
_header, _, _body = Path(os.environ["RAW_402"]).read_bytes().partition(b"\n")
_START = {
    "type": "http.response.start",
    "status": 402,
    "headers": [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(_body)).encode()),
        (b"payment-required", _header),
    ],
}
_BODY = {"type": "http.response.body", "body": _body}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "http":
        await send(_START)
        await send(_BODY)
