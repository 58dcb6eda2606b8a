"""A fault of ours, as it is written into a log."""

from __future__ import annotations

import traceback
from pathlib import Path


def traced(error: BaseException) -> str:
    """What broke and where. Never its text, which may quote a buyer's payment."""
    frames = traceback.extract_tb(error.__traceback__)
    places = (f"{Path(each.filename).name}:{each.lineno} {each.name}" for each in reversed(frames))
    return f"{type(error).__qualname__} at {' < '.join(places)}"
