"""What is for sale as it is searched, and what changed of it.

New tables only: nothing waits. Listings that were on sale before are entered by the worker, in
small steps (`sellers.market.figures`).
"""

import django.contrib.postgres.fields
import django.contrib.postgres.indexes
import django.db.models.deletion
from django.db import migrations, models

# What stands in a title or a name is found as it is typed (for half words, too) and by its stem.
SEARCH = """
alter table sellers_catalogentry add column search tsvector generated always as (
    setweight(to_tsvector('english', title || ' ' || names), 'A')
    || setweight(to_tsvector('simple', title || ' ' || names), 'B')
    || setweight(to_tsvector('english', description), 'C')
    || setweight(to_tsvector('english', seller_name), 'D')) stored;
create index catalogentry_search on sellers_catalogentry using gin (search);
"""
NO_SEARCH = "alter table sellers_catalogentry drop column search"


class Migration(migrations.Migration):
    dependencies = [
        ("sellers", "0015_asks_since"),
    ]

    operations = [
        migrations.CreateModel(
            name="CatalogChange",
            fields=[
                ("version", models.BigIntegerField(primary_key=True, serialize=False)),
                ("listing_id", models.UUIDField()),
                ("path", models.TextField()),
                (
                    "kind",
                    models.TextField(
                        choices=[
                            ("created", "Created"),
                            ("price_changed", "Price Changed"),
                            ("changed", "Changed"),
                            ("paused", "Paused"),
                            ("removed", "Removed"),
                        ]
                    ),
                ),
                ("revision", models.IntegerField()),
                ("at", models.DateTimeField()),
            ],
            options={
                "indexes": [models.Index(fields=["at"], name="catalogchange_by_time")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "kind__in",
                                ("created", "price_changed", "changed", "paused", "removed"),
                            )
                        ),
                        name="catalogchange_kind",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CatalogFigures",
            fields=[
                (
                    "seller",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="+",
                        serialize=False,
                        to="sellers.seller",
                    ),
                ),
                ("earnings_version", models.BigIntegerField()),
                ("made_at", models.DateTimeField()),
                ("due_at", models.DateTimeField()),
            ],
            options={
                "verbose_name_plural": "catalog figures",
                "indexes": [models.Index(fields=["due_at"], name="catalogfigures_due")],
            },
        ),
        migrations.CreateModel(
            name="FiguresVersion",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("version", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="figuresversion_one_row"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="CatalogEntry",
            fields=[
                (
                    "listing",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="entry",
                        serialize=False,
                        to="sellers.listing",
                    ),
                ),
                ("sold", models.BooleanField()),
                ("path", models.TextField(unique=True)),
                ("seller_slug", models.TextField()),
                ("title", models.TextField()),
                ("names", models.TextField()),
                ("description", models.TextField()),
                ("seller_name", models.TextField()),
                ("category", models.TextField(blank=True)),
                (
                    "facets",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.TextField(), size=None
                    ),
                ),
                ("cheapest", models.DecimalField(decimal_places=18, max_digits=36)),
                ("listed_at", models.DateTimeField()),
                ("changed_at", models.DateTimeField()),
                ("calls_24h", models.IntegerField(default=0)),
                ("calls_7d", models.IntegerField(default=0)),
                ("calls_30d", models.IntegerField(default=0)),
                ("payers_30d", models.IntegerField(default=0)),
                ("top_payer_share", models.FloatField(default=0)),
                ("self_paid", models.BooleanField(default=False)),
                ("success_24h", models.FloatField(null=True)),
                ("success_7d", models.FloatField(null=True)),
                ("success_30d", models.FloatField(null=True)),
                ("p50_ms_24h", models.IntegerField(null=True)),
                ("p50_ms_7d", models.IntegerField(null=True)),
                ("p50_ms_30d", models.IntegerField(null=True)),
                ("last_called_at", models.DateTimeField(null=True)),
                ("last_verified_at", models.DateTimeField(null=True)),
                ("score", models.IntegerField(default=0)),
                ("latency", models.IntegerField(default=2147483647)),
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
                "verbose_name_plural": "catalog entries",
                "indexes": [
                    django.contrib.postgres.indexes.GinIndex(
                        fields=["facets"], name="catalogentry_facets"
                    ),
                    models.Index(
                        condition=models.Q(("sold", True)),
                        fields=["-score", "listing"],
                        name="catalogentry_score",
                    ),
                    models.Index(
                        condition=models.Q(("sold", True)),
                        fields=["cheapest", "listing"],
                        name="catalogentry_price",
                    ),
                    models.Index(
                        condition=models.Q(("sold", True)),
                        fields=["latency", "listing"],
                        name="catalogentry_latency",
                    ),
                    models.Index(
                        condition=models.Q(("sold", True)),
                        fields=["-calls_30d", "listing"],
                        name="catalogentry_volume",
                    ),
                    models.Index(
                        condition=models.Q(("sold", True)),
                        fields=["-listed_at", "listing"],
                        name="catalogentry_newest",
                    ),
                    models.Index(fields=["seller_slug"], name="catalogentry_seller"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            (
                                "category__in",
                                (
                                    "",
                                    "communication",
                                    "compute",
                                    "data",
                                    "developer-tools",
                                    "media",
                                    "search",
                                    "social",
                                    "storage",
                                    "travel",
                                ),
                            )
                        ),
                        name="catalogentry_category",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("cheapest__gte", 0)), name="catalogentry_cheapest"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("score__gte", 0), ("score__lte", 1000)),
                        name="catalogentry_score",
                    ),
                ],
            },
        ),
        migrations.RunSQL(SEARCH, NO_SEARCH),
    ]
