"""One question to our own node, over the loopback interface.

Outbound HTTP belongs to `payments.egress`. This is the single exception: the demo chain's node runs
on this machine, is prepared before Django or any event loop exists, and answers methods no public
node has. An address that is not loopback is refused here, so the exception cannot grow.
"""

import http.client
import itertools
import json
from ipaddress import ip_address
from typing import Any
from urllib.parse import urlsplit

TIMEOUT_SECONDS = 30.0
ANSWER_BYTES_MAX = 64 * 1024 * 1024  # a state dump is the largest answer we ask for

_ids = itertools.count(1)


class NodeSilentError(Exception):
    """The node does not answer, or what answers is not a node."""


class NodeRefusedError(Exception):
    """The node understood the question and said no."""

    def __init__(self, method: str, error: dict[str, Any]) -> None:
        super().__init__(f"{method}: {error.get('message', error)}")
        self.code = error.get("code")
        self.message = str(error.get("message", ""))
        self.data = error.get("data")


def call(rpc_url: str, method: str, *params: Any) -> Any:
    """Asks the node on this machine one question and gives back its result."""
    question = {"jsonrpc": "2.0", "id": next(_ids), "method": method, "params": params}
    answer = _post(rpc_url, json.dumps(question).encode())
    if not isinstance(answer, dict) or not {"result", "error"} & answer.keys():
        raise NodeSilentError(f"What answers at {rpc_url} is not an EVM node.")
    if "error" in answer:
        raise NodeRefusedError(method, answer["error"])
    return answer["result"]


def _post(rpc_url: str, body: bytes) -> Any:
    host, port = _loopback(rpc_url)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("POST", "/", body, {"content-type": "application/json"})
        return json.loads(connection.getresponse().read(ANSWER_BYTES_MAX))
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise NodeSilentError(f"No EVM node answers at {rpc_url}: {error}") from error
    finally:
        connection.close()


def _loopback(rpc_url: str) -> tuple[str, int]:
    parts = urlsplit(rpc_url)
    host = parts.hostname or ""
    try:
        is_loopback = ip_address(host).is_loopback
    except ValueError:
        is_loopback = host == "localhost"
    if parts.scheme != "http" or not is_loopback or parts.port is None:
        raise ValueError(f"{rpc_url} is not a node on this machine (http://127.0.0.1:port).")
    return host, parts.port
