"""A foreign Host header is one line of the log, however many are sent."""

from __future__ import annotations

import logging
import logging.config

import pytest
from django.conf import settings
from django.test import Client

LOGGER = "django.security.DisallowedHost"


@pytest.fixture
def configured() -> None:
    logging.config.dictConfig({**settings.LOGGING, "root": {"level": "WARNING"}})


@pytest.mark.usefixtures("configured")
def test_a_foreign_host_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        answer = Client(headers={"host": "foreign.example"}).get("/account/sign-in")
    assert answer.status_code == 400
    (record,) = [each for each in caplog.records if each.name == LOGGER]
    assert record.levelname == "WARNING"
    assert record.exc_info is None
    assert "foreign.example" in record.getMessage()
