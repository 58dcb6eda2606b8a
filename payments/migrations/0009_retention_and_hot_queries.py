"""What goes after a while, and what is asked all the time, are found by indexes of their own."""

import django.db.models.functions.datetime
from django.db import migrations, models

# Whoever went away from a call in the last hour may come back for it.
SOUGHT = """
update payments_progress g
   set sought = substring(sha256(convert_to(p.payer, 'UTF8') || p.fingerprint) for 16)
  from payments_payment p
 where p.id = g.payment_id and g.collected_at is null
   and p.created_at > now() - interval '1 hour'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0008_facilitators"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="payment",
            name="payment_same_request",
        ),
        migrations.AddField(
            model_name="cap",
            name="used_at",
            field=models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
        ),
        migrations.AddField(
            model_name="progress",
            name="sought",
            field=models.BinaryField(max_length=16, null=True),
        ),
        migrations.RunSQL(SOUGHT, migrations.RunSQL.noop),
        migrations.AlterField(
            model_name="broadcast",
            name="raw",
            field=models.BinaryField(null=True),
        ),
        migrations.AddIndex(
            model_name="broadcast",
            index=models.Index(
                condition=models.Q(("final_at__isnull", True), ("mined_block__isnull", True)),
                fields=["relayer", "nonce"],
                name="broadcast_waiting",
            ),
        ),
        migrations.AddIndex(
            model_name="broadcast",
            index=models.Index(
                condition=models.Q(("final_at__isnull", True), ("mined_block__isnull", False)),
                fields=["relayer", "mined_block"],
                name="broadcast_mined",
            ),
        ),
        migrations.AddIndex(
            model_name="broadcast",
            index=models.Index(
                condition=models.Q(("final_at__isnull", True), ("mined_hash__isnull", False)),
                fields=["mined_hash"],
                name="broadcast_by_block",
            ),
        ),
        migrations.AddIndex(
            model_name="broadcast",
            index=models.Index(
                condition=models.Q(("final_at__isnull", False), ("raw__isnull", False)),
                fields=["final_at"],
                name="broadcast_raw_kept",
            ),
        ),
        migrations.AddIndex(
            model_name="openoffer",
            index=models.Index(
                condition=models.Q(("closed_at__isnull", False)),
                fields=["closed_at"],
                name="openoffer_closed",
            ),
        ),
        migrations.AddIndex(
            model_name="progress",
            index=models.Index(
                condition=models.Q(
                    ("collected_at__isnull", True),
                    models.Q(("work", "void"), _negated=True),
                    models.Q(("money", "failed"), _negated=True),
                ),
                fields=["sought", "payment"],
                name="progress_sought",
            ),
        ),
        migrations.AddConstraint(
            model_name="broadcast",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("raw__isnull", False), ("final_at__isnull", False), _connector="OR"
                ),
                name="broadcast_sendable",
            ),
        ),
    ]
