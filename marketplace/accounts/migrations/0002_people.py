"""Moderators' group, names that differ in more than case, and the former sessions' end."""

from typing import Any

from django.db import migrations


def make_group(apps: Any, schema_editor: Any) -> None:
    apps.get_model("auth", "Group").objects.get_or_create(name="moderators")


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]
    operations = [
        migrations.RunPython(make_group, migrations.RunPython.noop),
        # As Django asks for them: upper(…::text).
        migrations.RunSQL(
            "create unique index account_name_once on auth_user (upper(username::text))",
            "drop index account_name_once",
        ),
        migrations.RunSQL(
            "create index account_by_email on auth_user (upper(email::text))",
            "drop index account_by_email",
        ),
        # Whoever was signed in signs in again: those rows say nothing of whose they are.
        migrations.RunSQL("drop table if exists django_session", migrations.RunSQL.noop),
    ]
