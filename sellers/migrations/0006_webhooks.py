"""Addresses that are told of events, the messages to them, and notices to sellers."""

import django.db.models.deletion
from django.db import migrations, models

import payments.ids


class Migration(migrations.Migration):
    dependencies = [
        ("sellers", "0005_seller_owner"),
    ]

    operations = [
        migrations.CreateModel(
            name="Webhook",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("url", models.TextField()),
                ("events", models.JSONField(default=list)),
                ("sealed", models.BinaryField()),
                ("sealed_before", models.BinaryField(null=True)),
                ("before_until", models.DateTimeField(null=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("failing_since", models.DateTimeField(null=True)),
                ("disabled_at", models.DateTimeField(null=True)),
                ("disabled_why", models.TextField(default="")),
                ("removed_at", models.DateTimeField(null=True)),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="webhooks",
                        to="sellers.seller",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Delivery",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("event_id", models.TextField()),
                ("event", models.TextField()),
                ("subject", models.TextField()),
                ("body", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("delivered", "Delivered"),
                            ("failed", "Failed"),
                        ],
                        default="waiting",
                    ),
                ),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("retry_until", models.DateTimeField()),
                ("claimed_until", models.DateTimeField(null=True)),
                ("claims", models.IntegerField(default=0)),
                ("tries", models.IntegerField(default=0)),
                ("attempts", models.JSONField(default=list)),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "webhook",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="deliveries",
                        to="sellers.webhook",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "deliveries",
            },
        ),
        migrations.CreateModel(
            name="Notice",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                ("subject", models.TextField()),
                ("text", models.TextField()),
                ("href", models.TextField(default="")),
                ("seen_at", models.DateTimeField(null=True)),
                (
                    "seller",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="notices",
                        to="sellers.seller",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("seen_at__isnull", True)),
                        fields=["seller", "-id"],
                        name="notice_unseen",
                    ),
                    models.Index(fields=["at"], name="notice_by_time"),
                ],
            },
        ),
        migrations.AddIndex(
            model_name="webhook",
            index=models.Index(
                condition=models.Q(("before_until__isnull", False)),
                fields=["before_until"],
                name="webhook_overlap_over",
            ),
        ),
        migrations.AddIndex(
            model_name="webhook",
            index=models.Index(
                condition=models.Q(("removed_at__isnull", False)),
                fields=["removed_at"],
                name="webhook_removed",
            ),
        ),
        migrations.AddConstraint(
            model_name="webhook",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("before_until__isnull", True), ("sealed_before__isnull", True)),
                    models.Q(("before_until__isnull", False), ("sealed_before__isnull", False)),
                    _connector="OR",
                ),
                name="webhook_overlap",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("next_attempt_at__isnull", False)),
                fields=["webhook", "next_attempt_at"],
                name="delivery_due",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("claimed_until__isnull", False)),
                fields=["webhook", "claimed_until"],
                name="delivery_claimed",
            ),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(fields=["webhook", "-id"], name="delivery_log"),
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("done_at__isnull", False)),
                fields=["done_at"],
                name="delivery_done",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.UniqueConstraint(
                fields=("webhook", "event_id"), name="delivery_event_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("waiting", "delivered", "failed"))),
                name="delivery_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("done_at__isnull", True),
                        ("next_attempt_at__isnull", False),
                        ("state", "waiting"),
                    ),
                    models.Q(
                        models.Q(("state", "waiting"), _negated=True),
                        ("done_at__isnull", False),
                        ("next_attempt_at__isnull", True),
                    ),
                    _connector="OR",
                ),
                name="delivery_waits_or_is_done",
            ),
        ),
    ]
