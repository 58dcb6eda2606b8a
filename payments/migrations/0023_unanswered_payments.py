"""The payments for which a refund is due are found without reading the others."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0022_disputes")]
    operations = [
        AddIndexConcurrently(
            "progress",
            models.Index(
                fields=["payment"],
                condition=models.Q(("money", "confirmed"), ("work", "void")),
                name="progress_unanswered",
            ),
        )
    ]
