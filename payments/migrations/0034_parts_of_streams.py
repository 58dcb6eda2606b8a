"""What passes of a stream is written down while it passes, in partitions by day as bodies are."""

from django.db import migrations, models

PARTITIONED = """
create table payments_streampart (
    payment_id uuid not null,
    keep_until date not null,
    attempt smallint not null,
    number integer not null,
    content_type text not null,
    content_encoding text not null,
    body bytea not null,
    primary key (payment_id, keep_until, attempt, number)
) partition by range (keep_until);
alter table payments_streampart alter column body set storage external;
create table payments_streampart_rest partition of payments_streampart default;
"""
UNDO = "drop table payments_streampart"


class Migration(migrations.Migration):
    dependencies = [("payments", "0033_sums_of_payments_sent_again")]
    operations = [
        migrations.CreateModel(
            name="StreamPart",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "payment_id",
                        "keep_until",
                        "attempt",
                        "number",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("keep_until", models.DateField()),
                ("attempt", models.SmallIntegerField()),
                ("number", models.IntegerField()),
                ("content_type", models.TextField()),
                ("content_encoding", models.TextField()),
                ("body", models.BinaryField()),
            ],
            options={
                "db_table": "payments_streampart",
                "managed": False,
            },
        ),
        migrations.RunSQL(PARTITIONED, UNDO),
    ]
