"""Each reader of the steps keeps its own place; a step is no more marked as told.

The column and its index go without a look at any row.
"""

from django.db import migrations, models

# What nobody was told of yet is told by the new way.
MARKS = """
insert into payments_stepmark (reader, read_until, noted_at, noted_xid)
select 'earnings', counted_until, noted_at, noted_xid from payments_earningsmark
union all
select 'webhooks', coalesce((select min(at) from payments_step where told_at is null),
                            clock_timestamp()), 'epoch', 0
"""
MARKS_BACK = """
insert into payments_earningsmark (id, counted_until, noted_at, noted_xid)
select 1, read_until, noted_at, noted_xid from payments_stepmark where reader = 'earnings'
"""
UNMARKED = """
drop trigger step_written_once on payments_step;
drop index step_untold;
alter table payments_step drop column told_at;
create trigger step_written_once before update on payments_step
    for each row execute function payments_never();
"""
MARKED = """
drop trigger step_written_once on payments_step;
alter table payments_step add column told_at timestamptz default now();
alter table payments_step alter column told_at drop default;
create index step_untold on payments_step (at) where told_at is null;
create trigger step_written_once
    before update of payment_id, version, at, work, money, why, detail on payments_step
    for each row execute function payments_never();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0012_steps_guarded_by_column")]
    operations = [
        migrations.CreateModel(
            name="StepMark",
            fields=[
                ("reader", models.TextField(primary_key=True, serialize=False)),
                ("read_until", models.DateTimeField()),
                ("noted_at", models.DateTimeField()),
                ("noted_xid", models.BigIntegerField()),
            ],
        ),
        migrations.RunSQL(MARKS, MARKS_BACK),
        migrations.DeleteModel(name="EarningsMark"),
        migrations.RunSQL(UNMARKED, MARKED),
    ]
