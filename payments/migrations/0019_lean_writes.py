"""What every paid call writes refers to its payment without a check, and has no index twice.

The columns themselves stay as they are, so only the checks and the indexes are taken away, each by
what it is: Django would take a partial index of the same column along.
"""

import django.db.models.deletion
from django.db import migrations, models

LEAN = """
do $$
declare
    found record;
begin
    for found in
        select c.conname, c.conrelid::regclass as owner from pg_constraint c
          join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
         where c.contype = 'f' and cardinality(c.conkey) = 1
           and (c.conrelid::regclass::text, a.attname) in (
               ('payments_progress', 'payment_id'), ('payments_progress', 'relayer_id'),
               ('payments_answer', 'payment_id'), ('payments_transfer', 'payment_id'),
               ('payments_receipt', 'payment_id'))
    loop
        execute format('alter table %s drop constraint %I', found.owner, found.conname);
    end loop;
    for found in
        select x.indexrelid::regclass as name from pg_index x
          join pg_attribute a on a.attrelid = x.indrelid and a.attnum = x.indkey[0]
         where x.indnatts = 1 and not x.indisunique and x.indpred is null and x.indexprs is null
           and (x.indrelid::regclass::text, a.attname) in (
               ('payments_progress', 'relayer_id'), ('payments_transfer', 'payment_id'),
               ('payments_receipt', 'payment_id'))
    loop
        execute format('drop index %s', found.name);
    end loop;
end $$
"""


def to_payment(field=models.ForeignKey, **options):
    return field(
        db_constraint=False,
        on_delete=django.db.models.deletion.PROTECT,
        to="payments.payment",
        **options,
    )


class Migration(migrations.Migration):
    dependencies = [("payments", "0018_limits")]
    operations = [
        migrations.RemoveIndex(model_name="transfer", name="transfer_by_credit"),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(LEAN, migrations.RunSQL.noop)],
            state_operations=[
                migrations.AlterField(
                    "answer",
                    "payment",
                    to_payment(models.OneToOneField, primary_key=True, serialize=False),
                ),
                migrations.AlterField(
                    "progress",
                    "payment",
                    to_payment(models.OneToOneField, primary_key=True, serialize=False),
                ),
                migrations.AlterField(
                    "progress",
                    "relayer",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="payments.relayer",
                    ),
                ),
                migrations.AlterField("receipt", "payment", to_payment(db_index=False)),
                migrations.AlterField("transfer", "payment", to_payment(db_index=False)),
            ],
        ),
    ]
