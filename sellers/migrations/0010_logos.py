"""Pictures of listings, named by their hash."""

import django.db.models.deletion
from django.db import migrations, models

import payments.ids


class Migration(migrations.Migration):
    dependencies = [
        ("sellers", "0009_sealed_for"),
    ]

    operations = [
        migrations.CreateModel(
            name="Logo",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("hash", models.TextField()),
                ("content_type", models.TextField()),
                ("picture", models.BinaryField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="logos",
                        to="sellers.seller",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("hash", "seller"), name="logo_once"),
                    models.CheckConstraint(
                        condition=models.Q(("hash__regex", "^[0-9a-f]{64}$")), name="logo_hash"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("content_type__in", ("image/png", "image/jpeg", "image/webp"))
                        ),
                        name="logo_type",
                    ),
                ],
            },
        ),
    ]
