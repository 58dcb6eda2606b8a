"""A transaction is found by its key and number; the index of the key alone led plans astray."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0027_taken_in_hand")]
    operations = [
        migrations.AlterField(
            model_name="broadcast",
            name="relayer",
            field=models.ForeignKey(
                db_index=False, on_delete=django.db.models.deletion.PROTECT, to="payments.relayer"
            ),
        ),
    ]
