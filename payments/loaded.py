"""What a process has loaded stays for good: its garbage collector is spared it."""

from __future__ import annotations

import gc

# Calls make and drop some hundred objects each, nearly all without cycles: at the default of
# 700 the collector runs several times a call, and finds nothing. While two thousand modules are
# loaded it runs a thousand times, for a fifth of the time, and finds nothing either.
YOUNG_OBJECTS_MAX = 20_000


def collect_seldom() -> None:
    """To be called first of all, before anything is loaded."""
    gc.set_threshold(YOUNG_OBJECTS_MAX, 20, 20)


def keep_loaded() -> None:
    """To be called once, when all is loaded and before the first request."""
    gc.collect()
    gc.freeze()  # else each full collection walks some hundred thousand objects of Django's
    collect_seldom()
