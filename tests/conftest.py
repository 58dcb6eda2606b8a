"""What every test shares: the fixtures by subject, and no clock deciding over a property."""

from pathlib import Path

import hypothesis
import pytest

pytest.register_assert_rewrite("tests.fixtures")  # they import each other
pytest_plugins = [
    f"tests.fixtures.{path.stem}"
    for path in sorted(Path(__file__).parent.glob("fixtures/[a-z]*.py"))
]

# They import one another: all are known before the first is loaded.
pytest.register_assert_rewrite(*pytest_plugins)

# A property is true or false however slow the machine is.
hypothesis.settings.register_profile("souk", deadline=None)
hypothesis.settings.load_profile("souk")


@pytest.fixture(scope="session")
def checkout() -> Path:
    """The folder that holds manage.py."""
    return Path(__file__).resolve().parent.parent
