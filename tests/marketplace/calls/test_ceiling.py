"""What a buyer may write as the most it wants to pay."""

from __future__ import annotations

from decimal import Decimal

import pytest

from marketplace.calls.ceiling import BadCeiling, ceiling_dollars


@pytest.mark.parametrize(
    ("header", "dollars"),
    [("0.02 USD", "0.02"), ("0.02", "0.02"), ("$1", "1"), (" 5 usdc ", "5"), ("0.02USD", "0.02")],
)
def test_it_reads_dollars(header: str, dollars: str) -> None:
    assert ceiling_dollars(header) == Decimal(dollars)


@pytest.mark.parametrize(
    "header", ["", "free", "-1", "1e9", "1,5", "NaN", "Infinity", "1 EUR", "²"]
)
def test_it_refuses_what_is_no_price(header: str) -> None:
    with pytest.raises(BadCeiling):
        ceiling_dollars(header)
