"""The columns that hold money: whole atomic units, whatever the token."""

from __future__ import annotations

from typing import Any

from django.db import models

ATOMIC_DIGITS = 78  # 2^256 has 78 decimal digits


def atomic_field(**options: Any) -> models.DecimalField[Any, Any]:
    return models.DecimalField(max_digits=ATOMIC_DIGITS, decimal_places=0, **options)


def sum_field() -> models.DecimalField[Any, Any]:
    """Of as many amounts as there may ever be."""
    return models.DecimalField(max_digits=ATOMIC_DIGITS + 18, decimal_places=0)
