"""What a wallet spent is found by the wallet; the index is made while the sums are written on."""

from django.db import migrations, models

from payments.database.index_builds import BuildIndex


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("payments", "0015_buyers_looks")]
    operations = [
        BuildIndex("buyerday", models.Index(fields=["payer", "day"], name="buyerday_by_payer"))
    ]
