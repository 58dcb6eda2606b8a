"""A settler that takes a payment up says so without touching when it is due."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0026_payments_guarded_by_column")]
    operations = [
        migrations.AddField(
            model_name="progress",
            name="taken_at",
            field=models.DateTimeField(null=True),
        ),
    ]
