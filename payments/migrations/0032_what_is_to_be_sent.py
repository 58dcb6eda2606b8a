"""What is to be sent is found apart from what was tried already, however much that is."""

from django.db import migrations, models

from payments.database.index_builds import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0031_put_off")]
    operations = [
        BuildIndex(
            "progress",
            models.Index(
                fields=["network", "put_off", "next_check_at"],
                condition=models.Q(
                    ("next_check_at__isnull", False),
                    models.Q(("work", "void"), _negated=True),
                    models.Q(("money__in", ("settled", "confirmed")), _negated=True),
                ),
                name="progress_to_send",
            ),
        )
    ]
