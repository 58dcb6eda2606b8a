"""A wallet may be linked to pay only; those that are linked go on opening their accounts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_tries_elsewhere")]

    operations = [
        migrations.AddField(
            model_name="wallet",
            name="pays_only",
            field=models.BooleanField(db_default=False),
        ),
    ]
