"""The server card: where the MCP server is and what it speaks, for whoever looks for one."""

from __future__ import annotations

import re
from typing import Any, Final

from django.conf import settings
from django.http import HttpRequest, JsonResponse
from yarl import URL

from marketplace.catalog.mcp.protocol import SERVER_VERSION, VERSIONS
from payments.serving.cross_origin import read_from_anywhere

TYPE: Final = "application/mcp-server-card+json"
SCHEMA: Final = "https://static.modelcontextprotocol.io/schemas/v1/server-card.schema.json"
SECONDS: Final = 300


def server_url() -> str:
    return f"{settings.PUBLIC_BASE_URL}/mcp"


def server_card() -> dict[str, Any]:
    """The card as a document. It lists no tools: `tools/list` does."""
    return {
        "$schema": SCHEMA,
        "name": f"{_reversed(URL(settings.PUBLIC_BASE_URL).host or '')}/catalog",
        "version": SERVER_VERSION,
        "title": settings.SITE_NAME,
        "description": "Find paid HTTP services and call them, paid per call with x402.",
        "websiteUrl": settings.PUBLIC_BASE_URL,
        "remotes": [
            {
                "type": "streamable-http",
                "url": server_url(),
                "supportedProtocolVersions": list(VERSIONS),
            }
        ],
    }


@read_from_anywhere
def well_known(request: HttpRequest) -> JsonResponse:
    """`/.well-known/mcp/server-card.json`, where older programs look for it."""
    response = JsonResponse(server_card(), content_type=TYPE)
    response["Access-Control-Allow-Origin"] = "*"
    response["Cache-Control"] = f"public, max-age={SECONDS}"
    return response


def _reversed(host: str) -> str:
    """A name's parts from the widest on; an address of numbers stays as it is."""
    return host if re.fullmatch(r"[0-9.]+|.*:.*", host) else ".".join(reversed(host.split(".")))
