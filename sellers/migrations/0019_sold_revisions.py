"""When each revision began to be sold."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sellers", "0018_shown_in_the_market"),
    ]

    operations = [
        migrations.CreateModel(
            name="SoldRevision",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "listing",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="sold_revisions",
                        to="sellers.listing",
                    ),
                ),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="sellers.revision",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["listing", "-at"], name="soldrevision_of_listing")
                ],
            },
        ),
    ]
