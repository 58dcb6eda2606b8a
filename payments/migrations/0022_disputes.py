"""Cases about payments, and the refunds that were found on chain."""

import django.db.models.deletion
from django.db import migrations, models

import payments.ids


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0021_limit_groups"),
    ]

    operations = [
        migrations.CreateModel(
            name="Dispute",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("seller_id", models.UUIDField()),
                ("payer", models.TextField()),
                (
                    "opened_by",
                    models.TextField(
                        choices=[
                            ("payer", "Payer"),
                            ("seller", "Seller"),
                            ("admin", "Admin"),
                            ("clock", "Clock"),
                            ("chain", "Chain"),
                        ]
                    ),
                ),
                ("opened_at", models.DateTimeField()),
                (
                    "reason",
                    models.TextField(
                        choices=[
                            ("service_not_delivered", "No answer came"),
                            ("service_defective", "The answer was wrong or useless"),
                            ("duplicate_payment", "I paid twice for the same"),
                            ("overcharge", "I was charged more than the price"),
                            ("customer_request", "I no longer want it"),
                            ("other", "Something else"),
                        ]
                    ),
                ),
                ("asked_atomic", models.DecimalField(decimal_places=0, max_digits=78)),
                ("idempotency_key", models.TextField(null=True)),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("open", "Open"),
                            ("due", "Due"),
                            ("review", "Review"),
                            ("ordered", "Ordered"),
                            ("refunded", "Refunded"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                            ("unpaid", "Unpaid"),
                        ]
                    ),
                ),
                ("version", models.IntegerField()),
                ("ordered", models.BooleanField(default=False)),
                ("deadline_at", models.DateTimeField(null=True)),
                ("next_check_at", models.DateTimeField(null=True)),
                ("searched_block", models.BigIntegerField()),
                ("closed_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="DisputeStep",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "dispute_id",
                        "version",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                (
                    "dispute",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="steps",
                        to="payments.dispute",
                    ),
                ),
                ("version", models.IntegerField()),
                ("at", models.DateTimeField()),
                (
                    "by",
                    models.TextField(
                        choices=[
                            ("payer", "Payer"),
                            ("seller", "Seller"),
                            ("admin", "Admin"),
                            ("clock", "Clock"),
                            ("chain", "Chain"),
                        ]
                    ),
                ),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("open", "Open"),
                            ("due", "Due"),
                            ("review", "Review"),
                            ("ordered", "Ordered"),
                            ("refunded", "Refunded"),
                            ("rejected", "Rejected"),
                            ("withdrawn", "Withdrawn"),
                            ("unpaid", "Unpaid"),
                        ]
                    ),
                ),
                ("is_move", models.BooleanField()),
                ("text", models.TextField(default="")),
                ("told_at", models.DateTimeField(null=True)),
                ("mail_at", models.DateTimeField(null=True)),
                ("mail_tries", models.SmallIntegerField(default=0)),
            ],
        ),
        migrations.CreateModel(
            name="Refund",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("seller_id", models.UUIDField()),
                ("paid_at", models.DateTimeField()),
                ("is_unanswered", models.BooleanField()),
                ("network", models.TextField()),
                ("asset", models.TextField()),
                ("transaction", models.BinaryField(max_length=32)),
                (
                    "named_by",
                    models.TextField(
                        choices=[
                            ("payer", "Payer"),
                            ("seller", "Seller"),
                            ("admin", "Admin"),
                            ("clock", "Clock"),
                            ("chain", "Chain"),
                        ]
                    ),
                ),
                ("named_at", models.DateTimeField()),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("named", "Named"),
                            ("seen", "Seen"),
                            ("confirmed", "Confirmed"),
                            ("refused", "Refused"),
                        ]
                    ),
                ),
                ("version", models.IntegerField(default=1)),
                ("log_place", models.IntegerField(null=True)),
                ("sender", models.TextField(default="")),
                ("amount_atomic", models.DecimalField(decimal_places=0, max_digits=78, null=True)),
                ("block_number", models.BigIntegerField(null=True)),
                ("block_hash", models.BinaryField(max_length=32, null=True)),
                ("why", models.TextField(default="")),
                ("next_check_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.AddField(
            model_name="dispute",
            name="payment",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="payments.payment",
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="dispute",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="refunds",
                to="payments.dispute",
            ),
        ),
        migrations.AddField(
            model_name="refund",
            name="payment",
            field=models.ForeignKey(
                db_constraint=False,
                on_delete=django.db.models.deletion.PROTECT,
                to="payments.payment",
            ),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(
                condition=models.Q(("next_check_at__isnull", False)),
                fields=["next_check_at"],
                name="dispute_due",
            ),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(fields=["seller_id", "-id"], name="dispute_by_seller"),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(fields=["payer", "-id"], name="dispute_by_payer"),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(fields=["state", "id"], name="dispute_by_state"),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "state__in",
                        [
                            "open",
                            "due",
                            "review",
                            "ordered",
                            "refunded",
                            "rejected",
                            "withdrawn",
                            "unpaid",
                        ],
                    )
                ),
                name="dispute_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "reason__in",
                        [
                            "service_not_delivered",
                            "service_defective",
                            "duplicate_payment",
                            "overcharge",
                            "customer_request",
                            "other",
                        ],
                    )
                ),
                name="dispute_reason",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(("opened_by__in", ("payer", "clock"))), name="dispute_opened_by"
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(("asked_atomic__gt", 0)), name="dispute_asked"
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("closed_at__isnull", True),
                        ("next_check_at__isnull", False),
                        ("state__in", ("open", "due", "review", "ordered")),
                    ),
                    models.Q(
                        ("closed_at__isnull", False),
                        ("deadline_at__isnull", True),
                        ("next_check_at__isnull", True),
                        ("state__in", ("refunded", "rejected", "withdrawn", "unpaid")),
                    ),
                    _connector="OR",
                ),
                name="dispute_open_or_closed",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("open", "due", "ordered")), _negated=True),
                    ("deadline_at__isnull", False),
                    _connector="OR",
                ),
                name="dispute_deadline",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.UniqueConstraint(
                condition=models.Q(("closed_at__isnull", True)),
                fields=("payment",),
                name="dispute_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.UniqueConstraint(
                fields=("payment", "idempotency_key"), name="dispute_asked_once"
            ),
        ),
        migrations.AddIndex(
            model_name="disputestep",
            index=models.Index(
                condition=models.Q(("told_at__isnull", True)),
                fields=["at"],
                name="disputestep_untold",
            ),
        ),
        migrations.AddIndex(
            model_name="disputestep",
            index=models.Index(
                condition=models.Q(("mail_at__isnull", False)),
                fields=["mail_at"],
                name="disputestep_unmailed",
            ),
        ),
        migrations.AddConstraint(
            model_name="disputestep",
            constraint=models.CheckConstraint(
                condition=models.Q(("by__in", ["payer", "seller", "admin", "clock", "chain"])),
                name="disputestep_by",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("next_check_at__isnull", False)),
                fields=["next_check_at"],
                name="refund_due",
            ),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(fields=["transaction"], name="refund_by_transaction"),
        ),
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("state", "confirmed")),
                fields=["seller_id", "paid_at"],
                name="refund_by_seller",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("named", "seen", "confirmed", "refused"))),
                name="refund_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("seen", "confirmed")), _negated=True),
                    models.Q(
                        ("amount_atomic__gt", 0),
                        ("block_hash__isnull", False),
                        ("block_number__isnull", False),
                        ("log_place__isnull", False),
                    ),
                    _connector="OR",
                ),
                name="refund_proven",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("next_check_at__isnull", True), ("state", "refused")),
                    models.Q(("next_check_at__isnull", False), ("state__in", ("named", "seen"))),
                    ("state", "confirmed"),
                    _connector="OR",
                ),
                name="refund_looked_at",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.UniqueConstraint(
                condition=models.Q(("log_place__isnull", False)),
                fields=("network", "transaction", "log_place"),
                name="refund_proves_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="refund",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "refused"), _negated=True),
                fields=("payment", "transaction"),
                name="refund_named_once",
            ),
        ),
    ]
