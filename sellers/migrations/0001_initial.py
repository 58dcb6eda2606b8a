import django.db.models.deletion
import django.db.models.expressions
import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

import payments.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Listing",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("slug", models.TextField()),
                (
                    "state",
                    models.TextField(
                        choices=[
                            ("draft", "Draft"),
                            ("in_review", "In Review"),
                            ("live", "Live"),
                            ("paused", "Paused"),
                            ("suspended", "Suspended"),
                            ("retired", "Retired"),
                        ],
                        default="draft",
                    ),
                ),
                ("submitted_at", models.DateTimeField(null=True)),
                ("reason", models.TextField(default="")),
                ("shelf_version", models.BigIntegerField(default=0)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
        ),
        migrations.CreateModel(
            name="Revision",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("number", models.IntegerField()),
                ("terms", models.JSONField()),
                ("hash", models.BinaryField(max_length=32)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                (
                    "listing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="revisions",
                        to="sellers.listing",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Price",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("network", models.TextField()),
                ("scheme", models.TextField()),
                ("asset", models.TextField()),
                ("amount_atomic", models.DecimalField(decimal_places=0, max_digits=78)),
                ("pay_to", models.TextField()),
                (
                    "revision",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="prices",
                        to="sellers.revision",
                    ),
                ),
            ],
        ),
        migrations.AddField(
            model_name="listing",
            name="live_revision",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="sellers.revision",
            ),
        ),
        migrations.AddField(
            model_name="listing",
            name="proposed_revision",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="sellers.revision",
            ),
        ),
        migrations.CreateModel(
            name="Seller",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("slug", models.TextField(unique=True)),
                ("name", models.TextField()),
                ("created_at", models.DateTimeField(auto_now_add=True)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("slug__regex", "^[a-z0-9]+(-[a-z0-9]+)*$")),
                        name="seller_slug",
                    ),
                    models.CheckConstraint(
                        condition=django.db.models.expressions.NegatedExpression(
                            django.db.models.lookups.GreaterThan(
                                django.db.models.functions.text.Length("slug"), 48
                            )
                        ),
                        name="seller_slug_size",
                    ),
                ],
            },
        ),
        migrations.AddField(
            model_name="listing",
            name="seller",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="listings",
                to="sellers.seller",
            ),
        ),
        migrations.CreateModel(
            name="ShelfVersion",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("version", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="shelfversion_one_row"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="UpstreamSecret",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.TextField()),
                ("sealed", models.BinaryField()),
                ("changed_at", models.DateTimeField(auto_now=True)),
                (
                    "listing",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="secrets",
                        to="sellers.listing",
                    ),
                ),
            ],
        ),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.UniqueConstraint(
                fields=("listing", "number"), name="revision_number_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.UniqueConstraint(
                fields=("listing", "hash"), name="revision_hash_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.CheckConstraint(
                condition=django.db.models.lookups.Exact(
                    django.db.models.functions.text.Length("hash"), 32
                ),
                name="revision_hash_size",
            ),
        ),
        migrations.AddConstraint(
            model_name="revision",
            constraint=models.CheckConstraint(
                condition=models.Q(("number__gte", 1)), name="revision_number"
            ),
        ),
        migrations.AddIndex(
            model_name="price",
            index=models.Index(fields=["pay_to"], name="price_by_pay_to"),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.UniqueConstraint(
                fields=("revision", "network", "scheme", "asset"), name="price_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(("amount_atomic__gt", 0)), name="price_amount"
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(("scheme", "exact")), name="price_scheme"
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(("asset__regex", "^0x[0-9a-fA-F]{40}$")), name="price_asset"
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("pay_to__regex", "^0x[0-9a-fA-F]{40}$"),
                    models.Q(
                        ("pay_to", "0x0000000000000000000000000000000000000000"), _negated=True
                    ),
                ),
                name="price_pay_to",
            ),
        ),
        migrations.AddConstraint(
            model_name="price",
            constraint=models.CheckConstraint(
                condition=django.db.models.expressions.NegatedExpression(
                    django.db.models.lookups.Exact(
                        django.db.models.functions.text.Lower("pay_to"),
                        django.db.models.functions.text.Lower(models.F("asset")),
                    )
                ),
                name="price_not_to_token",
            ),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(fields=["shelf_version"], name="listing_shelf_version"),
        ),
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(
                condition=models.Q(("submitted_at__isnull", False)),
                fields=["submitted_at"],
                name="listing_to_review",
            ),
        ),
        migrations.AddConstraint(
            model_name="listing",
            constraint=models.UniqueConstraint(fields=("seller", "slug"), name="listing_slug_once"),
        ),
        migrations.AddConstraint(
            model_name="listing",
            constraint=models.CheckConstraint(
                condition=models.Q(("slug__regex", "^[a-z0-9]+(-[a-z0-9]+)*$")), name="listing_slug"
            ),
        ),
        migrations.AddConstraint(
            model_name="listing",
            constraint=models.CheckConstraint(
                condition=django.db.models.expressions.NegatedExpression(
                    django.db.models.lookups.GreaterThan(
                        django.db.models.functions.text.Length("slug"), 48
                    )
                ),
                name="listing_slug_size",
            ),
        ),
        migrations.AddConstraint(
            model_name="listing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("state__in", ("draft", "in_review", "live", "paused", "suspended", "retired"))
                ),
                name="listing_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="listing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("live", "paused")), _negated=True),
                    ("live_revision__isnull", False),
                    _connector="OR",
                ),
                name="listing_sold_is_approved",
            ),
        ),
        migrations.AddConstraint(
            model_name="listing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state__in", ("draft", "in_review")), _negated=True),
                    ("live_revision__isnull", True),
                    _connector="OR",
                ),
                name="listing_draft_never_sold",
            ),
        ),
        migrations.AddConstraint(
            model_name="listing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("state", "in_review"), _negated=True),
                    ("submitted_at__isnull", False),
                    _connector="OR",
                ),
                name="listing_review_submitted",
            ),
        ),
        migrations.AddConstraint(
            model_name="listing",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("submitted_at__isnull", True),
                    ("proposed_revision__isnull", False),
                    _connector="OR",
                ),
                name="listing_submitted_proposal",
            ),
        ),
        migrations.AddConstraint(
            model_name="upstreamsecret",
            constraint=models.UniqueConstraint(
                fields=("listing", "name"), name="upstreamsecret_once"
            ),
        ),
    ]
