"""Steps are found by their time; quotes are added up by day, too.

Each partition is indexed while it is written to: calls go on meanwhile.
"""

from django.db import migrations

PARTITIONS = """
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
 where i.inhparent = 'payments_step'::regclass order by c.relname
"""
STATE = """
select x.indisvalid, exists (select from pg_inherits where inhrelid = x.indexrelid)
  from pg_index x join pg_class c on c.oid = x.indexrelid where c.relname = %s
"""


def index_every_partition(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("create index if not exists step_by_time on only payments_step (at)")
        cursor.execute(PARTITIONS)
        for (table,) in cursor.fetchall():
            index_one(cursor, table, f"{table}_by_time")


def index_one(cursor, table, index):
    """Also where an earlier try was cut off half-way."""
    cursor.execute(STATE, (index,))
    is_valid, is_attached = cursor.fetchone() or (False, False)
    if is_attached:
        return
    if not is_valid:
        cursor.execute(f'drop index concurrently if exists "{index}"')
        cursor.execute(f'create index concurrently "{index}" on "{table}" (at)')
    cursor.execute(f'alter index step_by_time attach partition "{index}"')


def drop_index(apps, schema_editor):
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("drop index step_by_time")


QUOTES = """
insert into payments_challengeday (listing_id, day, challenges)
select listing_id, (minute at time zone 'utc')::date, sum(challenges)
  from payments_challengecount group by 1, 2 on conflict do nothing
"""


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0010_earnings")]
    operations = [
        migrations.RunPython(index_every_partition, drop_index),
        migrations.RunSQL(QUOTES, migrations.RunSQL.noop),
    ]
