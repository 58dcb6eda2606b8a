"""When live listings are looked at, and what was seen."""

import django.db.models.deletion
from django.db import migrations, models

import payments.ids


class Migration(migrations.Migration):
    dependencies = [
        ("sellers", "0010_logos"),
    ]

    operations = [
        migrations.CreateModel(
            name="Health",
            fields=[
                (
                    "listing",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="health",
                        serialize=False,
                        to="sellers.listing",
                    ),
                ),
                (
                    "way",
                    models.TextField(
                        choices=[("calls", "Calls"), ("url", "Url"), ("example", "Example")],
                        default="calls",
                    ),
                ),
                ("url", models.TextField(default="")),
                ("next_probe_at", models.DateTimeField(null=True)),
                ("claimed_until", models.DateTimeField(null=True)),
                ("failures", models.IntegerField(default=0)),
                ("seen_at", models.DateTimeField(null=True)),
                ("well_at", models.DateTimeField(null=True)),
                ("drift", models.TextField(default="")),
                ("paused_at", models.DateTimeField(null=True)),
            ],
            options={
                "verbose_name_plural": "health",
                "indexes": [
                    models.Index(
                        condition=models.Q(("next_probe_at__isnull", False)),
                        fields=["next_probe_at"],
                        name="health_due",
                    )
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("way__in", ("calls", "url", "example"))),
                        name="health_way",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("way", "url"), models.Q(("url", ""), _negated=True)),
                            models.Q(models.Q(("way", "url"), _negated=True), ("url", "")),
                            _connector="OR",
                        ),
                        name="health_url",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("failures__gte", 0)), name="health_failures"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ProbeResult",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=payments.ids.new_id, primary_key=True, serialize=False
                    ),
                ),
                ("at", models.DateTimeField(auto_now_add=True)),
                (
                    "way",
                    models.TextField(
                        choices=[("calls", "Calls"), ("url", "Url"), ("example", "Example")]
                    ),
                ),
                ("ok", models.BooleanField()),
                ("status", models.SmallIntegerField(null=True)),
                ("ms", models.IntegerField(null=True)),
                ("why", models.TextField(default="")),
                ("drift", models.TextField(default="")),
                (
                    "listing",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="probe_results",
                        to="sellers.listing",
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(fields=["listing", "-id"], name="proberesult_log"),
                    models.Index(fields=["at"], name="proberesult_by_time"),
                ],
            },
        ),
    ]
