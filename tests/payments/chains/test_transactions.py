"""Our own transactions, byte for byte as the official library signs them."""

from __future__ import annotations

import pytest
from eth_account import Account
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from payments.chains import Call, Fees
from payments.relaying.relayer import Keyring

CHAIN_ID = 84_532
KEYS = st.integers(1, 2**255).map(lambda number: f"0x{number:064x}")
WEI = st.integers(0, 2**96)
DATA = st.one_of(
    st.binary(max_size=300),
    st.sampled_from([b"\x00", b"\x7f", b"\x80", bytes(55), bytes(56), bytes(255), bytes(70_000)]),
)


@settings(suppress_health_check=[HealthCheck.too_slow])  # a crowded machine is slow at all
@given(
    key=KEYS,
    to=st.binary(min_size=20, max_size=20),
    data=DATA,
    nonce=st.integers(0, 2**64 - 2),
    gas=st.integers(21_000, 2**24),
    max_fee=WEI,
    tip=WEI,
)
def test_it_signs_what_the_official_library_signs(
    key: str, to: bytes, data: bytes, nonce: int, gas: int, max_fee: int, tip: int
) -> None:
    account = Account.from_key(key)
    keyring = Keyring("eip155:84532", CHAIN_ID, [key])
    assert keyring.addresses == [account.address]

    call = Call(f"0x{to.hex()}", data, gas)
    raw, transaction = keyring.sign(account.address, nonce, call, Fees(max_fee, tip, 0))

    official = account.sign_transaction(
        {
            "type": 2,
            "chainId": CHAIN_ID,
            "nonce": nonce,
            "to": to,
            "value": 0,
            "data": data,
            "gas": gas,
            "maxFeePerGas": max_fee,
            "maxPriorityFeePerGas": tip,
        }
    )
    assert raw == bytes(official.raw_transaction)
    assert transaction == bytes(official.hash)


SECRET = "5e" * 33


@pytest.mark.parametrize("key", ["", "0x", "zz" * 32, SECRET, "00" * 32, "ff" * 32])
def test_what_is_no_key_is_refused_and_not_quoted(key: str) -> None:
    with pytest.raises(ValueError, match=r"\D") as refused:
        Keyring("eip155:84532", CHAIN_ID, [key])
    assert not key or key not in str(refused.value)
