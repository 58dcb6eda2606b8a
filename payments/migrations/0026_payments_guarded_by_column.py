"""A payment's guard looks at which columns an update names, and no more at every row's whole text."""

from django.db import migrations

BY_COLUMN = """
create or replace trigger payment_written_once
    before update of
        id, identity, created_at, network, scheme, asset, payer, pay_to, amount_atomic, nonce,
        valid_after, valid_before, payer_has_code, claimed_block, protocol_version, fingerprint,
        revision_hash, method, url, body_hash, identifier_hash, seller_id, listing_id,
        listing_path, title, release, answer_keep_days, caps
    on payments_payment for each row execute function payments_never();
create trigger payment_signature_only_wiped
    before update of signature on payments_payment
    for each row when (new.signature is not null) execute function payments_never();
drop function payments_only_wipe_signature();
"""
BY_TEXT = """
create function payments_only_wipe_signature() returns trigger language plpgsql as $$
begin
    if new.signature is null
       and (to_jsonb(new) - 'signature') = (to_jsonb(old) - 'signature') then
        return new;
    end if;
    raise exception 'payments_payment is written once: only its signature may be wiped';
end $$;
drop trigger payment_signature_only_wiped on payments_payment;
create or replace trigger payment_written_once before update on payments_payment
    for each row execute function payments_only_wipe_signature();
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0025_receipts_in_their_rows")]
    operations = [migrations.RunSQL(BY_COLUMN, BY_TEXT)]
