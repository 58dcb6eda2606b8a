"""What the OpenAPI of our own operations is put together from."""

from __future__ import annotations

from typing import Any, Final

TEXT: Final = {"type": "string"}
OBJECT: Final = {"type": "object"}
LIST: Final = {"type": "array", "items": OBJECT}
TOO_OFTEN: Final = {"429": {"description": "Too often; Retry-After says how long to wait"}}


def operation(
    name: str,
    summary: str,
    parameters: list[dict[str, Any]],
    answers: dict[str, Any],
    *proofs: str,
) -> dict[str, Any]:
    """Free; with `proofs` for whoever brings one of them, else for everybody."""
    said: dict[str, Any] = {"operationId": name, "summary": summary}
    said["security"] = [{proof: []} for proof in proofs]
    if parameters:
        said["parameters"] = parameters
    return {**said, "responses": answers}


def with_body(said: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    """The same operation, to which JSON has to be sent."""
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    return {**said, "requestBody": body}


def as_json(description: str, properties: dict[str, Any]) -> dict[str, Any]:
    """An answer that is one object, and what of it is always there."""
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def in_path(name: str) -> dict[str, Any]:
    """A part of the address."""
    return {"name": name, "in": "path", "required": True, "schema": TEXT}
