"""Which version of MCP a request speaks, and whether it says so in one voice."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from typing import Final

from marketplace.catalog.mcp.protocol import (
    ENVELOPE,
    HANDSHAKES,
    HEADER_MISMATCH,
    INVALID_PARAMS,
    UNNAMED,
    UNSUPPORTED_VERSION,
    VERSIONS,
    Fault,
    Message,
)

VERSION_HEADER: Final = b"mcp-protocol-version"
METHOD_HEADER: Final = b"mcp-method"
NAME_HEADER: Final = b"mcp-name"
_IN_META: Final = "io.modelcontextprotocol/protocolVersion"
_NEEDED: Final = (_IN_META, "io.modelcontextprotocol/clientCapabilities")
_CHARACTERS_SHOWN: Final = 40


def spoken(headers: Mapping[bytes, bytes]) -> str:
    """The version that a request's header names."""
    named = headers.get(VERSION_HEADER, UNNAMED.encode()).decode("latin-1").strip()
    return named if named in VERSIONS else ""


def refuse_unknown(version: str, headers: Mapping[bytes, bytes], message: Message) -> None:
    """Refuse what is spoken in a version that we do not know; a handshake settles it itself."""
    if not version and message.method != "initialize":
        named = headers[VERSION_HEADER].decode("latin-1")[:_CHARACTERS_SHOWN]
        raise unsupported(named)


def unsupported(requested: str) -> Fault:
    data = {"supported": list(VERSIONS), "requested": requested}
    return Fault(UNSUPPORTED_VERSION, "Unsupported protocol version", status=400, data=data)


def negotiated(requested: object) -> str:
    """The version for a handshake: the client's own if we speak it, else our newest."""
    return requested if isinstance(requested, str) and requested in HANDSHAKES else HANDSHAKES[0]


def check_envelope(headers: Mapping[bytes, bytes], message: Message) -> None:
    """Headers and body of a request without a handshake must not say different things.

    What stands between the client and us may go by the headers alone.
    """
    meta = message.meta
    if missing := [name for name in _NEEDED if name not in meta]:
        raise Fault(INVALID_PARAMS, f"_meta must name {', '.join(missing)}", status=400)
    if meta[_IN_META] != ENVELOPE:
        raise _mismatch("MCP-Protocol-Version")
    if headers.get(METHOD_HEADER, b"").decode("latin-1") != message.method:
        raise _mismatch("Mcp-Method")
    name = message.params.get("name")
    if message.method == "tools/call" and isinstance(name, str) and _name(headers) != name:
        raise _mismatch("Mcp-Name")


def _name(headers: Mapping[bytes, bytes]) -> str | None:
    """The Mcp-Name header, which may be `=?base64?…?=` around what no header can say."""
    said = headers.get(NAME_HEADER, b"").decode("latin-1")
    if not (said.startswith("=?base64?") and said.endswith("?=")):
        return said
    try:
        return b64decode(said[9:-2], validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def _mismatch(header: str) -> Fault:
    return Fault(HEADER_MISMATCH, f"{header} and the request's body differ", status=400)
