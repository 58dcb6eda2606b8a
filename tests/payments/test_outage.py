"""Whoever looks now and then goes on without the database, and says so once."""

from __future__ import annotations

import logging

import psycopg
import pytest

from payments.database.outage import Outage

log = logging.getLogger(__name__)


def test_an_outage_is_said_once_and_the_next_one_again(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage(log, "The shelf cannot see changes")
    for error in (psycopg.OperationalError("away"), TimeoutError()):
        with outage.passed_over():
            raise error
    with outage.passed_over():
        pass
    with outage.passed_over():
        raise psycopg.errors.UndefinedColumn("of the next release")

    said = [each.getMessage() for each in caplog.records]
    assert said == [
        "The shelf cannot see changes: OperationalError; it is tried again",
        "The shelf cannot see changes: UndefinedColumn; it is tried again",
    ]


def test_a_fault_of_ours_is_no_outage() -> None:
    with pytest.raises(KeyError), Outage(log, "The shelf").passed_over():
        raise KeyError
