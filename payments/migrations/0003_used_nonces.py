"""Sign-in texts that were answered once; the rows go when their time is long over."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0002_partitions_and_guards")]
    operations = [
        migrations.CreateModel(
            name="UsedNonce",
            fields=[
                (
                    "nonce",
                    models.BinaryField(max_length=32, primary_key=True, serialize=False),
                ),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
        ),
    ]
