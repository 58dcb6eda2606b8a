"""A payment that was tried and did not go through says so, and keeps nobody else waiting."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0030_payments_by_identifier")]
    operations = [
        migrations.AddField(
            model_name="progress",
            name="put_off",
            field=models.BooleanField(db_default=False),
        ),
    ]
