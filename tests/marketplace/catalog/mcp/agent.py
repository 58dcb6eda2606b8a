"""An agent's program: JSON-RPC over HTTP, byte for byte, and what came back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.marketplace.gateway.visitor import App, Seen, visit

JSON = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


def message(method: str, params: Any = None, identifier: Any = 1) -> dict[str, Any]:
    said = {"jsonrpc": "2.0", "id": identifier, "method": method}
    return said if params is None else {**said, "params": params}


async def post(
    app: App, said: Any, path: str = "/mcp", headers: Mapping[str, str] | None = None
) -> Seen:
    """Send what may be no message at all."""
    body = said if isinstance(said, bytes) else json.dumps(said).encode()
    return await visit(app, "POST", path, {**JSON, **(headers or {})}, body)


async def ask(app: App, method: str, params: Any = None, path: str = "/mcp") -> Any:
    """A request's result."""
    seen = await post(app, message(method, params), path)
    assert seen.status == 200, seen.body
    answer = seen.json
    assert (answer["jsonrpc"], answer["id"]) == ("2.0", 1)
    return answer["result"]


async def use(app: App, name: str, server: str = "/mcp", **arguments: Any) -> Any:
    """A tool's result: the same as text and as data, where it is data."""
    result = await ask(app, "tools/call", {"name": name, "arguments": arguments}, server)
    assert isinstance(result["content"], list)
    assert isinstance(result["isError"], bool)
    return result
