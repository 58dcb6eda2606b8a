"""The browser that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.browser.chromium import HOW_TO_GET_ONE, Chromium, find_chromium


@pytest.fixture(scope="session")
def browser() -> Iterator[Chromium]:
    executable = find_chromium()
    if executable is None:
        pytest.skip(HOW_TO_GET_ONE)
    chromium = Chromium(executable)
    yield chromium
    chromium.close()
