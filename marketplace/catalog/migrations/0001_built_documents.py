"""Documents of the whole site, as the worker built them last."""

from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="BuiltDocument",
            fields=[
                ("path", models.TextField(primary_key=True, serialize=False)),
                ("content_type", models.TextField()),
                ("body", models.BinaryField()),
                ("etag", models.TextField()),
                ("made_from", models.TextField()),
                ("changed_at", models.DateTimeField()),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("path__startswith", "/")), name="builtdocument_path"
                    )
                ],
            },
        ),
    ]
