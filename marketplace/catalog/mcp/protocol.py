"""JSON-RPC as MCP speaks it: which messages arrived, and how they are answered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import orjson

from payments.x402.headers import decode_json, encode_json
from payments.x402.reasons import Malformed

SERVER_VERSION: Final = "1.0.0"
# Versions that begin with `initialize`, the newest first.
HANDSHAKES: Final = ("2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05")
# The version without a handshake: each request says in its own `_meta` what it speaks.
ENVELOPE: Final = "2026-07-28"
VERSIONS: Final = (ENVELOPE, *HANDSHAKES)
# What a request without an MCP-Protocol-Version header speaks (2025-06-18, transports).
UNNAMED: Final = "2025-03-26"
BATCHING: Final = frozenset({"2025-03-26", "2024-11-05"})  # no other version has batches
BATCH_MAX: Final = 20
METHOD_CHARACTERS_MAX: Final = 100
ID_CHARACTERS_MAX: Final = 256

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
INTERNAL_ERROR: Final = -32603
HEADER_MISMATCH: Final = -32020
UNSUPPORTED_VERSION: Final = -32022

Id: TypeAlias = str | int
Document: TypeAlias = dict[str, Any]


class Fault(Exception):
    """What is answered as a JSON-RPC error.

    Nothing was done, and nothing charged, unless `data` names a payment.
    """

    def __init__(
        self, code: int, message: str, *, status: int = 200, data: Document | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = status  # HTTP's, when the message came alone
        self.data = data


@dataclass(frozen=True, slots=True)
class Message:
    """One request, or a notification when it has no id."""

    id: Id | None
    method: str
    params: Mapping[str, Any]

    @property
    def meta(self) -> Mapping[str, Any]:
        meta = self.params.get("_meta")
        return meta if isinstance(meta, dict) else {}

    def text(self, name: str) -> str:
        """A parameter that has to be text."""
        value = self.params.get(name)
        if not isinstance(value, str):
            raise Fault(INVALID_PARAMS, f"{name} must be a text")
        return value


@dataclass(frozen=True, slots=True)
class Unreadable:
    """A message that is none, with the id under which that is said."""

    id: Id | None
    fault: Fault


@dataclass(frozen=True, slots=True)
class Post:
    """What one POST carried."""

    messages: tuple[Message | Unreadable, ...]
    together: bool  # a batch is answered as one, even when there is one message in it


def read_post(body: bytes, version: str) -> Post:
    """Read a body; what cannot be read at all is refused as a whole."""
    try:
        # First by the parser that bears any nesting; then by the one that shows repeated keys.
        orjson.loads(body)
        document = decode_json(body)
    except Malformed as malformed:
        text = f"This cannot be read: {malformed.detail.removeprefix('the payment is ')}"
        raise Fault(PARSE_ERROR, text, status=400) from None
    except orjson.JSONDecodeError:
        text = "This cannot be read: not valid JSON in UTF-8"
        raise Fault(PARSE_ERROR, text, status=400) from None
    if not isinstance(document, list):
        return Post(_messages([document]), together=False)
    if version not in BATCHING:
        raise Fault(INVALID_REQUEST, f"MCP {version} has no batches: one message", status=400)
    if not 0 < len(document) <= BATCH_MAX:
        raise Fault(INVALID_REQUEST, f"a batch has 1 to {BATCH_MAX} messages", status=400)
    return Post(_messages(document), together=True)


def _messages(documents: list[Any]) -> tuple[Message | Unreadable, ...]:
    """Each message; the client's answers to questions that we never ask are passed over."""
    return tuple(
        _message(each)
        for each in documents
        if not (isinstance(each, dict) and "method" not in each and {"result", "error"} & set(each))
    )


def _message(document: Any) -> Message | Unreadable:
    if not isinstance(document, dict):
        return Unreadable(None, _invalid("a message is a JSON object"))
    identifier = document.get("id")
    if not _is_id(identifier) and "id" in document:
        return Unreadable(None, _invalid("id must be a text or a whole number"))
    method, params = document.get("method"), document.get("params", {})
    if document.get("jsonrpc") != "2.0":
        return Unreadable(identifier, _invalid('jsonrpc must be "2.0"'))
    if not isinstance(method, str) or not 0 < len(method) <= METHOD_CHARACTERS_MAX:
        return Unreadable(identifier, _invalid("method must be a text"))
    if not isinstance(params, dict):
        return Unreadable(identifier, Fault(INVALID_PARAMS, "params must be an object"))
    return Message(identifier, method, params)


def _is_id(identifier: Any) -> bool:
    if isinstance(identifier, str):
        return len(identifier) <= ID_CHARACTERS_MAX
    return type(identifier) is int and abs(identifier) < 2**63


def _invalid(why: str) -> Fault:
    return Fault(INVALID_REQUEST, why, status=400)


def answered(identifier: Id | None, result: Document, version: str) -> Document:
    """A request's result; versions without a handshake want to be told that it is whole."""
    if version == ENVELOPE:
        result = {**result, "resultType": "complete"}
    return {"jsonrpc": "2.0", "id": identifier, "result": result}


def refused(identifier: Id | None, fault: Fault) -> Document:
    """A request's error."""
    error: Document = {"code": fault.code, "message": fault.message}
    if fault.data is not None:
        error["data"] = fault.data
    return {"jsonrpc": "2.0", "id": identifier, "error": error}


def written(document: Document | list[Document]) -> bytes:
    """A message, or a batch of them, as it is sent."""
    if isinstance(document, list):
        return b"[" + b",".join(map(encode_json, document)) + b"]"
    return encode_json(document)
