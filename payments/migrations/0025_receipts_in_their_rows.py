"""A receipt is kept in its row.

Two kilobytes are a little too long for PostgreSQL to leave where they are: it tried to compress
what cannot be compressed, and then put it into a table of its own, in two pieces. What is there
stays where it is.
"""

from django.db import migrations

IN_ROW = """
alter table payments_receipt alter column jws set storage external;
alter table payments_receipt set (toast_tuple_target = 8160);
"""
AS_BEFORE = """
alter table payments_receipt reset (toast_tuple_target);
alter table payments_receipt alter column jws set storage extended;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0024_tries")]
    operations = [migrations.RunSQL(IN_ROW, AS_BEFORE)]
