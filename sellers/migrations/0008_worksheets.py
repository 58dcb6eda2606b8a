"""What sellers type before it is a listing, looks at their upstreams, wallets they proved."""

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

import payments.ids


class Migration(migrations.Migration):
    dependencies = [
        ("sellers", "0007_keys"),
    ]

    operations = [
        migrations.CreateModel(
            name="Worksheet",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("listing_id", models.UUIDField(default=payments.ids.new_id, unique=True)),
                ("of_listing", models.BooleanField(default=False)),
                ("typed", models.JSONField(default=dict)),
                ("sealed", models.JSONField(default=dict)),
                ("stamps", models.JSONField(default=dict)),
                ("version", models.IntegerField(default=1)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="worksheets",
                        to="sellers.seller",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Look",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("running", "Running"),
                            ("good", "Good"),
                            ("bad", "Bad"),
                        ],
                        default="waiting",
                    ),
                ),
                ("asked", models.JSONField()),
                ("steps", models.JSONField(default=list)),
                ("sample", models.JSONField(null=True)),
                ("due_at", models.DateTimeField(default=django.utils.timezone.now, null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("ended_at", models.DateTimeField(null=True)),
                (
                    "worksheet",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="looks",
                        to="sellers.worksheet",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Payout",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("address", models.TextField()),
                ("network", models.TextField(default="")),
                ("proven_at", models.DateTimeField(auto_now_add=True)),
                ("proof", models.JSONField()),
                ("revoked_at", models.DateTimeField(null=True)),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="payouts",
                        to="sellers.seller",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("revoked_at__isnull", True)),
                        fields=("seller", "address", "network"),
                        name="payout_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            ("address__regex", "^0x[0-9a-fA-F]{40}$"),
                            models.Q(
                                ("address", "0x0000000000000000000000000000000000000000"),
                                _negated=True,
                            ),
                        ),
                        name="payout_address",
                    ),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="worksheet",
            index=models.Index(fields=["seller", "-changed_at"], name="worksheet_of_seller"),
        ),
        migrations.AddIndex(
            model_name="worksheet",
            index=models.Index(fields=["changed_at"], name="worksheet_oldest"),
        ),
        migrations.AddIndex(
            model_name="look",
            index=models.Index(fields=["worksheet", "-created_at"], name="look_newest"),
        ),
        migrations.AddIndex(
            model_name="look",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)),
                fields=["due_at"],
                name="look_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="look",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("waiting", "running", "good", "bad"))),
                name="look_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="look",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("due_at__isnull", True), ("state__in", ("good", "bad"))),
                    models.Q(("due_at__isnull", False), ("state__in", ("waiting", "running"))),
                    _connector="OR",
                ),
                name="look_due",
            ),
        ),
    ]
