"""What was signed once is good for one proof only: the one statement that uses a nonce up."""

# Each burnt nonce takes up to ten expired ones away, so the table needs no other broom. Two who
# bring one nonce at the same time wait for each other here: the second finds it burnt.
BURN = """
    with expired as (
        select nonce from payments_usednonce
         where expires_at < now() - interval '1 hour'
         order by expires_at limit 10 for update skip locked
    ), swept as (
        delete from payments_usednonce u using expired e where u.nonce = e.nonce
    )
    insert into payments_usednonce (nonce, expires_at)
    values (%s, to_timestamp(%s)) on conflict do nothing returning 1
"""
