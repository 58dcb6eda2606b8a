"""The few words under which programs look for a service; the same that OpenAPI's readers know."""

from __future__ import annotations

from typing import Final

CATEGORIES: Final = (
    "communication",
    "compute",
    "data",
    "developer-tools",
    "media",
    "search",
    "social",
    "storage",
    "travel",
)


def label(category: str) -> str:
    """A category as people read it: "Developer tools"."""
    return category.replace("-", " ").capitalize()
