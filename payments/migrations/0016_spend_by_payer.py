"""What a wallet spent is found by the wallet; the index is made while the sums are written on."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0015_buyers_looks")]
    operations = [
        AddIndexConcurrently(
            "buyerday", models.Index(fields=["payer", "day"], name="buyerday_by_payer")
        )
    ]
