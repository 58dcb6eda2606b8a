"""The counts of tries belong to everybody who counts: the table stays where it is.

They need no log to survive a crash by, and so no wait for the disk.
"""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0023_unanswered_payments"), ("accounts", "0001_initial")]

    operations = [
        migrations.SeparateDatabaseAndState(
            state_operations=[
                migrations.CreateModel(
                    name="Tries",
                    fields=[
                        (
                            "key",
                            models.BinaryField(max_length=32, primary_key=True, serialize=False),
                        ),
                        ("count", models.IntegerField()),
                        ("until", models.DateTimeField(db_index=True)),
                    ],
                    options={"verbose_name_plural": "tries", "db_table": "accounts_tries"},
                )
            ]
        ),
        migrations.RunSQL(
            "alter table accounts_tries set unlogged", "alter table accounts_tries set logged"
        ),
    ]
