"""What a buyer named with an identifier of their own is found by it."""

from django.db import migrations, models

from payments.database.index_builds import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0029_failed_sends")]
    operations = [
        BuildIndex(
            "payment",
            models.Index(
                fields=["identifier_hash", "payer"],
                condition=models.Q(("identifier_hash__isnull", False)),
                name="payment_by_identifier",
            ),
        )
    ]
