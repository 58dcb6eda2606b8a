"""What goes after a while: counters at rest, sent bytes, closed prices are found by their time."""

import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0006_quotes_by_minute"),
    ]

    operations = [
        migrations.AddField(
            model_name="cap",
            name="used_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AlterField(
            model_name="broadcast",
            name="raw",
            field=models.BinaryField(null=True),
        ),
        migrations.AddIndex(
            model_name="broadcast",
            index=models.Index(
                condition=models.Q(("final_at__isnull", False), ("raw__isnull", False)),
                fields=["final_at"],
                name="broadcast_raw_kept",
            ),
        ),
        migrations.AddIndex(
            model_name="openoffer",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", False)),
                fields=["closed_at"],
                name="openoffer_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="broadcast",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("raw__isnull", False), ("final_at__isnull", False), _connector="OR"
                ),
                name="broadcast_sendable",
            ),
        ),
    ]
