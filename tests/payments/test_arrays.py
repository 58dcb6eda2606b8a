"""Lists go to PostgreSQL member for member, whatever is in them."""

from __future__ import annotations

from datetime import UTC
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg.types.json import Jsonb

from payments.database.arrays import PlainListDumper
from payments.database.pool import open_pool, rows
from tests.fixtures.purchases import sql_url

TEXTS = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
AWKWARD = st.sampled_from(["", "NULL", "null", '"', "\\", "{}", ",", " a ", "\n", "\\x41", "é😀"])
# The ends of time are other days in other time zones, which Python does not know.
TIMES = st.datetimes(timezones=st.just(UTC)).filter(lambda at: 1 < at.year < 9999)
LISTS = st.one_of(
    st.tuples(st.just("text"), st.lists(st.none() | AWKWARD | TEXTS)),
    st.tuples(st.just("bytea"), st.lists(st.none() | st.binary())),
    st.tuples(st.just("bigint"), st.lists(st.none() | st.integers(-(2**63), 2**63 - 1))),
    st.tuples(st.just("boolean"), st.lists(st.none() | st.booleans())),
    st.tuples(st.just("uuid"), st.lists(st.none() | st.uuids())),
    st.tuples(
        st.just("numeric"), st.lists(st.none() | st.decimals(allow_nan=False, allow_infinity=False))
    ),
    st.tuples(st.just("timestamptz"), st.lists(st.none() | TIMES)),
)


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(LISTS)
def test_every_member_arrives_as_it_was(
    transactional_db: None, case: tuple[str, list[Any]]
) -> None:
    kind, members = case
    with psycopg.connect(sql_url()) as connection:
        connection.adapters.register_dumper(list, PlainListDumper)
        found = connection.execute(f"select %s::{kind}[]", (members,)).fetchone()

    assert found == (members,)


@pytest.mark.parametrize("members", [[1, Decimal("1.5")], [True, 2], [Jsonb({"a": 1})], [[1], [2]]])
def test_what_is_not_plain_is_left_to_the_driver(
    transactional_db: None, members: list[Any]
) -> None:
    def sent(connection: psycopg.Connection[Any]) -> object:
        try:
            return connection.execute("select %s::text[]", (members,)).fetchone()
        except psycopg.Error as error:
            return type(error)

    with psycopg.connect(sql_url()) as connection, psycopg.connect(sql_url()) as other:
        other.adapters.register_dumper(list, PlainListDumper)
        assert sent(other) == sent(connection)


async def test_a_text_that_no_column_holds_is_refused_and_not_cut(transactional_db: None) -> None:
    pool = await open_pool(sql_url(), size_max=1)
    try:
        with pytest.raises(psycopg.DataError):
            await rows(pool, "select %s::text[]", (["whole", "cut\x00here"],))
    finally:
        await pool.close()


async def test_a_plan_made_for_an_empty_table_reads_a_full_one_by_its_index(
    transactional_db: None,
) -> None:
    pool = await open_pool(sql_url(), size_max=1)
    try:
        explained = await rows(
            pool, "explain select 1 from payments_payment where identity = any(%s)", ([b"x"],)
        )
        assert not any("Seq Scan" in line for (line,) in explained)
        assert any("Index" in line for (line,) in explained)
    finally:
        await pool.close()
