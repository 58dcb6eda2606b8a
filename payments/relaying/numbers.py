"""Transaction numbers, in SQL: several forms of one may be signed, and only one is ever mined."""

from __future__ import annotations

from typing import Final

# Of broadcasts `b`. What one form in a block says, all the others of its number are to know. They
# are looked up for each (`offset 0`): joined, every transaction there ever was would be read.
STILL_OUT: Final = """
    b.final_at is null and b.mined_block is null
    and not exists (select from payments_broadcast m
                     where m.relayer_id = b.relayer_id and m.nonce = b.nonce
                       and m.mined_block is not null offset 0)
"""
STILL_OUT_OR_MINED_FROM: Final = """
    b.final_at is null
    and (b.mined_block >= %(from)s
         or b.mined_block is null
            and not exists (select from payments_broadcast m
                             where m.relayer_id = b.relayer_id and m.nonce = b.nonce
                               and m.mined_block < %(from)s offset 0))
"""
