"""Partitioned steps and answer bodies, and triggers that keep money tables append-only."""

from django.db import migrations

PARTITIONED = """
create table payments_step (
    payment_id uuid not null,
    version integer not null,
    at timestamptz not null,
    work text not null,
    money text not null,
    why text not null,
    detail jsonb not null default '{}',
    told_at timestamptz,
    primary key (payment_id, version, at)
) partition by range (at);
create index step_untold on payments_step (at) where told_at is null;
create table payments_step_rest partition of payments_step default;

create table payments_answerbody (
    payment_id uuid not null,
    keep_until date not null,
    body bytea not null,
    primary key (payment_id, keep_until)
) partition by range (keep_until);
alter table payments_answerbody alter column body set storage external;
create table payments_answerbody_rest partition of payments_answerbody default;

alter table payments_progress set (fillfactor = 70);
"""

GUARDS = """
create function payments_never() returns trigger language plpgsql as $$
begin
    raise exception '% is append-only: % refused', tg_table_name, tg_op;
end $$;

create function payments_only_wipe_signature() returns trigger language plpgsql as $$
begin
    if new.signature is null
       and (to_jsonb(new) - 'signature') = (to_jsonb(old) - 'signature') then
        return new;
    end if;
    raise exception 'payments_payment is written once: only its signature may be wiped';
end $$;

create trigger payment_written_once before update on payments_payment
    for each row execute function payments_only_wipe_signature();
create trigger payment_kept before delete on payments_payment
    for each row execute function payments_never();
create trigger transfer_append_only before update or delete on payments_transfer
    for each row execute function payments_never();
create trigger receipt_append_only before update or delete on payments_receipt
    for each row execute function payments_never();

create function payments_step_only_told() returns trigger language plpgsql as $$
begin
    if (to_jsonb(new) - 'told_at') = (to_jsonb(old) - 'told_at') then
        return new;
    end if;
    raise exception 'a step is written once: only told_at may be set';
end $$;
create trigger step_written_once before update on payments_step
    for each row execute function payments_step_only_told();
create trigger step_kept before delete on payments_step
    for each row execute function payments_never();
"""

UNDO = """
drop table payments_step, payments_answerbody;
drop trigger payment_written_once on payments_payment;
drop trigger payment_kept on payments_payment;
drop trigger transfer_append_only on payments_transfer;
drop trigger receipt_append_only on payments_receipt;
drop function payments_never(), payments_only_wipe_signature(), payments_step_only_told();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]
    operations = [migrations.RunSQL(PARTITIONED + GUARDS, UNDO)]
