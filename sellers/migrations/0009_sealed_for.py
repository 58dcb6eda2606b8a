"""A secret that is typed is meant for one upstream."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("sellers", "0008_worksheets"),
    ]

    operations = [
        migrations.AddField(
            model_name="worksheet",
            name="sealed_for",
            field=models.TextField(default=""),
        ),
    ]
