"""The audit log, and triggers that let it only ever grow by its next entry."""

import django.db.models.functions.text
import django.db.models.lookups
from django.db import migrations, models

GUARDS = """
insert into payments_audithead (id, sequence, hash) values (1, 0, decode(repeat('00', 32), 'hex'));

create function payments_audit_goes_on() returns trigger language plpgsql as $$
begin
    update payments_audithead set sequence = new.sequence, hash = new.hash
     where id = 1 and sequence = new.sequence - 1 and hash = new.previous;
    if not found then
        raise exception 'payments_auditentry is append-only: % does not follow on its end',
            new.sequence;
    end if;
    return null;
end $$;
create trigger auditentry_goes_on after insert on payments_auditentry
    for each row execute function payments_audit_goes_on();
create trigger auditentry_append_only before update or delete on payments_auditentry
    for each row execute function payments_never();
create trigger auditentry_not_emptied before truncate on payments_auditentry
    for each statement execute function payments_never();

create function payments_audit_head_follows() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' and new.sequence = 0
       or tg_op = 'UPDATE' and exists (
            select from payments_auditentry e
             where e.sequence = new.sequence and e.hash = new.hash
               and e.sequence = old.sequence + 1 and e.previous = old.hash) then
        return new;
    end if;
    raise exception 'payments_audithead follows the entries: % refused', tg_op;
end $$;
create trigger audithead_follows before insert or update on payments_audithead
    for each row execute function payments_audit_head_follows();
create trigger audithead_kept before delete on payments_audithead
    for each row execute function payments_never();
create trigger audithead_not_emptied before truncate on payments_audithead
    for each statement execute function payments_never();
"""

UNDO = """
drop trigger audithead_not_emptied on payments_audithead;
drop trigger audithead_kept on payments_audithead;
drop trigger audithead_follows on payments_audithead;
drop trigger auditentry_not_emptied on payments_auditentry;
drop trigger auditentry_append_only on payments_auditentry;
drop trigger auditentry_goes_on on payments_auditentry;
drop function payments_audit_head_follows(), payments_audit_goes_on();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0019_lean_writes")]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                ("sequence", models.BigIntegerField(primary_key=True, serialize=False)),
                ("at", models.DateTimeField()),
                ("actor", models.TextField()),
                ("act", models.TextField()),
                ("subject", models.TextField()),
                ("before", models.JSONField(null=True)),
                ("after", models.JSONField(null=True)),
                ("why", models.TextField()),
                ("previous", models.BinaryField(max_length=32)),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={
                "verbose_name_plural": "audit entries",
                "indexes": [
                    models.Index(fields=["subject", "sequence"], name="auditentry_by_subject"),
                    models.Index(fields=["actor", "sequence"], name="auditentry_by_actor"),
                    models.Index(fields=["act", "sequence"], name="auditentry_by_act"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("sequence__gte", 1)), name="auditentry_sequence"
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            django.db.models.lookups.Exact(
                                django.db.models.functions.text.Length("previous"), 32
                            ),
                            django.db.models.lookups.Exact(
                                django.db.models.functions.text.Length("hash"), 32
                            ),
                        ),
                        name="auditentry_hash_sizes",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="AuditHead",
            fields=[
                (
                    "id",
                    models.SmallIntegerField(default=1, primary_key=True, serialize=False),
                ),
                ("sequence", models.BigIntegerField()),
                ("hash", models.BinaryField(max_length=32)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="audithead_one")
                ],
            },
        ),
        migrations.RunSQL(GUARDS, UNDO),
    ]
