"""Tests look into a database over one session, and over another when that one was ended."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from tests.fixtures.looking import Looking
from tests.fixtures.purchases import sql_url

WHO = "select pg_backend_pid()"


@pytest.fixture
def looking() -> Iterator[Looking]:
    opened = Looking()
    yield opened
    opened.close()


def test_one_session_serves_every_look(transactional_db: None, looking: Looking) -> None:
    assert looking.rows(sql_url(), WHO) == looking.rows(sql_url(), WHO)


def test_a_look_outlasts_its_session(transactional_db: None, looking: Looking) -> None:
    before = looking.rows(sql_url(), WHO)
    with psycopg.connect(sql_url()) as other:
        other.execute("select pg_terminate_backend(%s, 10000)", before[0])

    assert looking.rows(sql_url(), WHO) != before
    assert looking.rows(sql_url(), "select %s::int", 1) == [(1,)]


def test_what_is_wrong_with_a_question_is_said(transactional_db: None, looking: Looking) -> None:
    for _ in range(2):
        with pytest.raises(psycopg.errors.UndefinedTable):
            looking.rows(sql_url(), "select 1 from nowhere")
    assert looking.rows(sql_url(), "select 1") == [(1,)]
