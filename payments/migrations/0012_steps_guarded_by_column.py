"""A step's guard looks at which columns an update names, and no more at every row's whole text."""

from django.db import migrations

BY_COLUMN = """
drop trigger step_written_once on payments_step;
create trigger step_written_once
    before update of payment_id, version, at, work, money, why, detail on payments_step
    for each row execute function payments_never();
drop function payments_step_only_told();
"""
BY_TEXT = """
drop trigger step_written_once on payments_step;
create function payments_step_only_told() returns trigger language plpgsql as $$
begin
    if (to_jsonb(new) - 'told_at') = (to_jsonb(old) - 'told_at') then
        return new;
    end if;
    raise exception 'a step is written once: only told_at may be set';
end $$;
create trigger step_written_once before update on payments_step
    for each row execute function payments_step_only_told();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0011_steps_by_time")]
    operations = [migrations.RunSQL(BY_COLUMN, BY_TEXT)]
