"""Gas that was spent on a payer in vain is counted, whatever code there was at the claim."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0028_transactions_by_number"),
    ]

    operations = [
        migrations.CreateModel(
            name="FailedSend",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("payer", models.TextField()),
                ("at", models.DateTimeField()),
                (
                    "payment",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="payments.payment",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["payer", "at"], name="failedsend_by_payer"),
                    models.Index(fields=["at"], name="failedsend_by_time"),
                ],
            },
        ),
    ]
