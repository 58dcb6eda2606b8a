"""Payments given to remote facilitators: each giving a row, and the row's carrier in progress."""

import django.db.models.deletion
from django.db import migrations, models

OUTCOMES = ("unknown", "unsent", "settled", "pending", "refused", "disproved")


class Migration(migrations.Migration):
    dependencies = [("payments", "0007_trust")]

    operations = [
        migrations.CreateModel(
            name="Submission",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "payment_id",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "payment",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        to="payments.payment",
                    ),
                ),
                ("number", models.SmallIntegerField()),
                ("facilitator", models.TextField()),
                ("asked_at", models.DateTimeField()),
                ("answered_at", models.DateTimeField(null=True)),
                (
                    "outcome",
                    models.TextField(choices=[(each, each.capitalize()) for each in OUTCOMES]),
                ),
                ("transaction", models.BinaryField(max_length=32, null=True)),
                ("said", models.TextField(default="")),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("outcome__in", OUTCOMES)), name="submission_outcome"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("number__gte", 1)), name="submission_number"
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="progress", name="facilitator", field=models.TextField(null=True)
        ),
        migrations.RemoveConstraint(model_name="progress", name="progress_broadcast_nonce"),
        migrations.AddConstraint(
            model_name="progress",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("money", "broadcast"), _negated=True),
                    models.Q(("relayer__isnull", False), ("relayer_nonce__isnull", False)),
                    ("facilitator__isnull", False),
                    _connector="OR",
                ),
                name="progress_broadcast_carried",
            ),
        ),
    ]
