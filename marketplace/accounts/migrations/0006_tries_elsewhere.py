"""The counts of tries are now the business of payments; their table is the same."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_letters"), ("payments", "0024_tries")]

    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Tries")])
    ]
