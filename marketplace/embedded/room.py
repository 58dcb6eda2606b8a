"""Room on the disk, without which the demo cannot keep its state whole."""

import shutil
from pathlib import Path

from marketplace.embedded.refusal import DemoError

TO_START_MEGABYTES = 300
TO_GO_ON_MEGABYTES = 50  # stopped with so much left, the demo loses nothing


def require_room(folder: Path, megabytes: int) -> None:
    """Refuse to fill the last of a disk, on which the chain's node would lose its whole state."""
    free = shutil.disk_usage(folder).free // 1_000_000
    if free < megabytes:
        raise DemoError(
            f"The disk of {folder} is too full: the demo needs {megabytes} MB and {free} MB are "
            "free. Make room, or move the checkout, then start again."
        )
