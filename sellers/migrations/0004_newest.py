"""The newest listings are shown first."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sellers", "0003_signed_offers"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="listing",
            index=models.Index(
                condition=models.Q(("state", "live")), fields=["-created_at"], name="listing_newest"
            ),
        ),
    ]
