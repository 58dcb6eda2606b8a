"""Which sums a payment counts in may grow after its claim: its owner limits the wallet later."""

from django.db import migrations

_FACTS = """
        id, identity, created_at, network, scheme, asset, payer, pay_to, amount_atomic, nonce,
        valid_after, valid_before, payer_has_code, claimed_block, protocol_version, fingerprint,
        revision_hash, method, url, body_hash, identifier_hash, seller_id, listing_id,
        listing_path, title, release, answer_keep_days"""
GROWING = f"""
create trigger payment_caps_only_grow
    before update of caps on payments_payment
    for each row when (not new.caps @> old.caps) execute function payments_never();
create or replace trigger payment_written_once
    before update of {_FACTS}
    on payments_payment for each row execute function payments_never();
"""
FIXED = f"""
create or replace trigger payment_written_once
    before update of {_FACTS}, caps
    on payments_payment for each row execute function payments_never();
drop trigger payment_caps_only_grow on payments_payment;
"""


class Migration(migrations.Migration):
    dependencies = [("payments", "0032_what_is_to_be_sent")]
    operations = [migrations.RunSQL(GROWING, FIXED)]
