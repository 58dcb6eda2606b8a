"""Sums of what sellers earned, kept beside the payments: per day, per buyer, and how far."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0009_retention_and_hot_queries"),
    ]

    operations = [
        migrations.CreateModel(
            name="EarningsVersion",
            fields=[
                ("seller_id", models.UUIDField(primary_key=True, serialize=False)),
                ("version", models.BigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="BuyerDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seller_id", models.UUIDField()),
                ("listing_id", models.UUIDField()),
                ("day", models.DateField()),
                ("payer", models.TextField()),
                ("network", models.TextField()),
                ("asset", models.TextField()),
                ("payments", models.BigIntegerField()),
                ("amount_atomic", models.DecimalField(decimal_places=0, max_digits=96)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("payments", 0)), fields=["day"], name="buyerday_empty"
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=("seller_id", "day", "payer", "listing_id", "network", "asset"),
                        name="buyerday_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("payments__gte", 0)), name="buyerday_payments"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_atomic__gte", 0)), name="buyerday_amount"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ChallengeDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("listing_id", models.UUIDField()),
                ("day", models.DateField()),
                ("challenges", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("listing_id", "day"), name="challengeday_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Counted",
            fields=[
                (
                    "payment",
                    models.OneToOneField(
                        db_constraint=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        serialize=False,
                        to="payments.payment",
                    ),
                ),
                ("version", models.IntegerField()),
                ("seller_id", models.UUIDField()),
                ("listing_id", models.UUIDField()),
                ("created_at", models.DateTimeField()),
                ("work", models.TextField()),
                ("money", models.TextField()),
                ("cause", models.TextField()),
            ],
            options={
                "verbose_name_plural": "counted",
                "indexes": [
                    models.Index(
                        fields=["seller_id", "work", "money", "created_at", "payment"],
                        name="counted_by_seller",
                    ),
                    models.Index(
                        fields=["listing_id", "work", "money", "created_at", "payment"],
                        name="counted_by_listing",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EarningsDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("seller_id", models.UUIDField()),
                ("listing_id", models.UUIDField()),
                ("day", models.DateField()),
                ("network", models.TextField()),
                ("asset", models.TextField()),
                ("work", models.TextField()),
                ("money", models.TextField()),
                ("cause", models.TextField()),
                ("payments", models.BigIntegerField()),
                ("amount_atomic", models.DecimalField(decimal_places=0, max_digits=96)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("payments", 0)),
                        fields=["day"],
                        name="earningsday_empty",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(
                        fields=(
                            "seller_id",
                            "day",
                            "listing_id",
                            "network",
                            "asset",
                            "work",
                            "money",
                            "cause",
                        ),
                        name="earningsday_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("payments__gte", 0)), name="earningsday_payments"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("amount_atomic__gte", 0)), name="earningsday_amount"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="EarningsMark",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("counted_until", models.DateTimeField()),
                ("noted_at", models.DateTimeField()),
                ("noted_xid", models.BigIntegerField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="earningsmark_one_row"
                    )
                ],
            },
        ),
    ]
