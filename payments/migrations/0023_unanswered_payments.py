"""The payments for which a refund is due are found without reading the others."""

from django.db import migrations, models

from payments.database.index_builds import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0022_disputes")]
    operations = [
        BuildIndex(
            "progress",
            models.Index(
                fields=["payment"],
                condition=models.Q(("money", "confirmed"), ("work", "void")),
                name="progress_unanswered",
            ),
        )
    ]
