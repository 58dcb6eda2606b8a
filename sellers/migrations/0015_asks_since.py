"""An address is told of what happens from a time on: its first, or when it was put on again."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("sellers", "0014_drift")]

    operations = [
        migrations.AddField(
            model_name="webhook",
            name="asks_since",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.RunSQL(
            "update sellers_webhook set asks_since = created_at", migrations.RunSQL.noop
        ),
    ]
