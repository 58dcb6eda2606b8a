"""Text, data, savings and units: plain values in, plain values out, the same every time."""

import math
import random
import re
from collections import Counter
from typing import Any, Final

from marketplace.embedded.upstream.questions import BadInput

_COMMON: Final = (
    "a an and are as at be been but by can do for from had has have he her his i if in into is it "
    "its me my no not of on or our she so than that the their them then there they this to was we "
    "were what when which who will with would you your"
)
_COMMON_WORDS: Final = frozenset(_COMMON.split())
_WORDS_READ_PER_MINUTE: Final = 230


def digest_text(text: str, sentences: int = 2) -> dict[str, Any]:
    """Count a text and pick the sentences that say most of it."""
    if not text.strip():
        raise BadInput("text is empty")
    if not 1 <= sentences <= 10:
        raise BadInput("sentences is a number from 1 to 10")
    split = [part.strip() for part in re.split(r"(?<=[.!?])\s+", text.strip()) if part.strip()]
    words = _words(text)
    weights = Counter(word for word in words if word not in _COMMON_WORDS)
    best = sorted(range(len(split)), key=lambda i: (-_weight(split[i], weights), i))[:sentences]
    return {
        "summary": " ".join(split[i] for i in sorted(best)),
        "keywords": [word for word, _ in sorted(weights.items(), key=lambda w: (-w[1], w[0]))[:8]],
        "characters": len(text),
        "words": len(words),
        "sentences": len(split),
        "reading_seconds": math.ceil(len(words) * 60 / _WORDS_READ_PER_MINUTE),
    }


def _words(text: str) -> list[str]:
    return re.findall(r"\w+(?:['’-]\w+)*", text.casefold())


def _weight(sentence: str, weights: Counter[str]) -> float:
    words = _words(sentence)
    return sum(weights[word] for word in words) / (len(words) + 3)


RECORDS_MAX: Final = 1000
FIELDS_MAX: Final = 100


def score_records(records: list[Any]) -> dict[str, Any]:
    """Score a data set from 0 to 100: are its fields filled, of one type, and not repeated?"""
    if not records or len(records) > RECORDS_MAX:
        raise BadInput(f"records holds 1 to {RECORDS_MAX} objects")
    if not all(isinstance(record, dict) and record for record in records):
        raise BadInput("each record is an object with at least one field")
    names = {name for record in records for name in record}
    if len(names) > FIELDS_MAX:
        raise BadInput(f"the records have more than {FIELDS_MAX} different fields")
    fields = {name: _score_field(name, records) for name in sorted(names)}
    unique = len({repr(sorted(record.items(), key=lambda item: item[0])) for record in records})
    completeness = sum(field["filled"] for field in fields.values()) / len(fields)
    consistency = sum(field["consistent"] for field in fields.values()) / len(fields)
    uniqueness = unique / len(records)
    return {
        "score": round(100 * (0.4 * completeness + 0.4 * consistency + 0.2 * uniqueness)),
        "records": len(records),
        "duplicates": len(records) - unique,
        "completeness": round(completeness, 3),
        "consistency": round(consistency, 3),
        "fields": fields,
    }


def _score_field(name: str, records: list[dict[str, Any]]) -> dict[str, Any]:
    present = [r[name] for r in records if r.get(name) not in (None, "", [], {})]
    kinds = Counter(_kind(value) for value in present)
    commonest = min(kinds.items(), key=lambda kind: (-kind[1], kind[0])) if kinds else ("none", 0)
    return {
        "type": commonest[0],
        "filled": round(len(present) / len(records), 3),
        "consistent": round(commonest[1] / len(present), 3) if present else 1.0,
    }


def _kind(value: object) -> str:
    kinds = ((bool, "boolean"), (int | float, "number"), (str, "string"), (list, "array"))
    return next((word for kind, word in kinds if isinstance(value, kind)), "object")


_FUTURES: Final = 500


def project_savings(
    monthly: float, years: int, yearly_return: float, volatility: float
) -> dict[str, Any]:
    """Play a savings plan through 500 possible futures and say how it tends to end."""
    if not (0 < monthly <= 1e6 and 1 <= years <= 40):
        raise BadInput("monthly is above 0 and at most 1000000, years is 1 to 40")
    if not (-0.5 <= yearly_return <= 0.5 and 0 <= volatility <= 1):
        raise BadInput("return is -0.5 to 0.5, volatility is 0 to 1")
    chance = random.Random(f"{monthly:g}/{years}/{yearly_return:g}/{volatility:g}")  # noqa: S311
    mean, spread = math.log1p(yearly_return) / 12, volatility / math.sqrt(12)
    ends = sorted(_end_of_plan(chance, monthly, 12 * years, mean, spread) for _ in range(_FUTURES))
    paid_in = monthly * 12 * years
    return {
        "paid_in": round(float(paid_in), 2),
        "percentiles": {
            str(percent): round(ends[percent * _FUTURES // 100], 2)
            for percent in (5, 25, 50, 75, 95)
        },
        "chance_of_loss": round(sum(end < paid_in for end in ends) / _FUTURES, 3),
        "futures": _FUTURES,
    }


def _end_of_plan(
    chance: random.Random, monthly: float, months: int, mean: float, spread: float
) -> float:
    worth = 0.0
    for _ in range(months):
        worth = (worth + monthly) * math.exp(chance.gauss(mean - spread * spread / 2, spread))
    return worth


# Unit: what it measures, how many of the base unit it is, and where its zero lies.
_UNITS: Final = {
    "mm": ("length", 0.001, 0.0),
    "cm": ("length", 0.01, 0.0),
    "m": ("length", 1.0, 0.0),
    "km": ("length", 1000.0, 0.0),
    "in": ("length", 0.0254, 0.0),
    "ft": ("length", 0.3048, 0.0),
    "yd": ("length", 0.9144, 0.0),
    "mi": ("length", 1609.344, 0.0),
    "nmi": ("length", 1852.0, 0.0),
    "g": ("mass", 0.001, 0.0),
    "kg": ("mass", 1.0, 0.0),
    "t": ("mass", 1000.0, 0.0),
    "oz": ("mass", 0.028349523125, 0.0),
    "lb": ("mass", 0.45359237, 0.0),
    "ml": ("volume", 0.001, 0.0),
    "l": ("volume", 1.0, 0.0),
    "gal": ("volume", 3.785411784, 0.0),
    "m_s": ("speed", 1.0, 0.0),
    "km_h": ("speed", 1 / 3.6, 0.0),
    "mph": ("speed", 0.44704, 0.0),
    "kn": ("speed", 1852 / 3600, 0.0),
    "k": ("temperature", 1.0, 0.0),
    "c": ("temperature", 1.0, 273.15),
    "f": ("temperature", 5 / 9, 273.15 - 32 * 5 / 9),
    "j": ("energy", 1.0, 0.0),
    "kcal": ("energy", 4184.0, 0.0),
    "kwh": ("energy", 3_600_000.0, 0.0),
}
UNITS: Final = tuple(sorted(_UNITS))


def convert(source: str, target: str, amount: float) -> dict[str, Any]:
    """Convert an amount from one unit to another of the same kind."""
    if source not in _UNITS or target not in _UNITS:
        raise BadInput(f"unknown unit; known are {', '.join(UNITS)}")
    kind, size, zero = _UNITS[source]
    other_kind, other_size, other_zero = _UNITS[target]
    if kind != other_kind:
        raise BadInput(f"{source} measures {kind}, {target} measures {other_kind}")
    if not math.isfinite(amount) or abs(amount) > 1e15:
        raise BadInput("amount is a number up to 1e15")
    result = (amount * size + zero - other_zero) / other_size
    return {
        "from": source,
        "to": target,
        "amount": float(amount),
        "result": float(f"{result:.12g}"),
        "measures": kind,
    }
