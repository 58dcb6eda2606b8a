"""A transaction is found by its key and number; the index of the key alone led plans astray."""

import django.db.models.deletion
from django.db import migrations, models

_INDEX = "payments_broadcast_relayer_id_506621e6"


class Migration(migrations.Migration):
    dependencies = [("payments", "0027_taken_in_hand")]
    operations = [
        migrations.SeparateDatabaseAndState(
            # Only the index: Django would make the foreign key anew, which reads every row.
            database_operations=[
                migrations.RunSQL(
                    f"drop index if exists {_INDEX}",
                    f"create index if not exists {_INDEX} on payments_broadcast (relayer_id)",
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="broadcast",
                    name="relayer",
                    field=models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="payments.relayer",
                    ),
                ),
            ],
        ),
    ]
