"""A revision and its prices never change once written; the shelf's one number starts at zero."""

from django.db import migrations

FORWARD = """
create function sellers_never_changes() returns trigger language plpgsql as $$
begin
    raise exception 'a row of % never changes: propose a new revision', tg_table_name
        using errcode = 'restrict_violation';
end $$;
create trigger revision_never_changes before update or delete on sellers_revision
    for each row execute function sellers_never_changes();
create trigger price_never_changes before update or delete on sellers_price
    for each row execute function sellers_never_changes();
insert into sellers_shelfversion (id, version) values (1, 0);
"""
BACKWARD = """
drop trigger price_never_changes on sellers_price;
drop trigger revision_never_changes on sellers_revision;
drop function sellers_never_changes();
delete from sellers_shelfversion;
"""


class Migration(migrations.Migration):
    dependencies = [("sellers", "0001_initial")]

    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
