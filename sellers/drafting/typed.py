"""What was typed into the steps of a worksheet, as a draft; and terms, as what was typed.

Every value is a text as it stands in its field. `rows` alone is a list: the parameters, when they
are given row by row and not as a JSON Schema.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Collection, Mapping
from typing import Any

import orjson

from payments.amounts import token
from sellers.drafting.input_rows import TICKED, Unsayable, from_rows, rows_of
from sellers.drafts import Draft
from sellers.prices import Ask, in_dollars
from sellers.refusals import bad
from sellers.schemas.rules import Schema
from sellers.site import Site
from sellers.terms import PARAMETER, Sample, Terms

Typed = Mapping[str, Any]
NOBODY = "0x000000000000000000000000000000000000dEaD"  # stands in until a wallet is chosen
JSON_TYPE = "application/json"


def token_key(network: str, asset: str) -> str:
    """How a token is named in the fields of prices."""
    return f"{network}/{asset.lower()}"


def draft_of(typed: Typed, site: Site) -> Draft:
    """The draft that was typed; what cannot be read is refused with its field."""
    method = _text(typed, "method") or "GET"
    url = _text(typed, "upstream_url")
    schema, example = _input(typed, method, url)
    return Draft(
        upstream_url=url,
        title=_text(typed, "title"),
        description=_text(typed, "description"),
        sample=sample_of(typed),
        prices=_asks(typed, site),
        method=method,
        example=example,
        input_schema=schema,
        output_schema=_json(typed, "output_schema"),
        service_name=_text(typed, "service_name"),
        tags=_words(typed, "tags", ","),
        forward_headers=_words(typed, "forward_headers", ","),
        secret_headers=list(typed.get("secret_headers", [])),
        release=_text(typed, "release") or "hold",
        total_seconds=_number(typed, "total_seconds", "timeout"),
        answer_keep_days=_whole(typed, "keep_days"),
        require_body=not typed.get("empty_answers"),
        check_output=bool(typed.get("check_output")),
        stream=bool(typed.get("stream")),
        logo=_text(typed, "logo"),
        category=_text(typed, "category"),
    )


def example_of(typed: Typed) -> dict[str, Any]:
    """The example call by its parts."""
    return _input(typed, _text(typed, "method") or "GET", _text(typed, "upstream_url"))[1]


def input_schema_of(typed: Typed) -> Any:
    return _input(typed, _text(typed, "method") or "GET", _text(typed, "upstream_url"))[0]


def sample_of(typed: Typed) -> Sample:
    """The answer that buyers see before paying."""
    text = str(typed.get("sample_body", ""))
    body = text.encode() if text else b64decode(str(typed.get("sample_base64", "")))
    return Sample(200, _text(typed, "sample_type") or JSON_TYPE, body)


def typed_sample(sample: Sample) -> dict[str, str]:
    """An answer as it stands in its fields: text as text, anything else beside them."""
    try:
        text = sample.body.decode()
        readable = text.isprintable() or sample.is_json or sample.is_text
        readable = readable and "\0" not in text and "\r" not in text
    except UnicodeDecodeError:
        readable = False
    if not readable:
        kept = {"sample_body": "", "sample_base64": b64encode(sample.body).decode()}
    else:
        kept = {"sample_body": text, "sample_base64": ""}
    return {"sample_type": sample.content_type, **kept}


def typed_of(terms: Terms) -> dict[str, Any]:
    """The fields of a worksheet that would give these terms again."""
    typed: dict[str, Any] = {
        "upstream_url": terms.upstream_url,
        "method": terms.method,
        "title": terms.title,
        "description": terms.description,
        "service_name": terms.service_name,
        "tags": ", ".join(terms.tags),
        "forward_headers": ", ".join(terms.forward_headers),
        "secret_headers": list(terms.secret_headers),
        "output_schema": pretty(terms.output_schema),
        "release": terms.release,
        "total_seconds": f"{terms.total_seconds:g}",
        "keep_days": str(terms.answer_keep_days),
        "empty_answers": "" if terms.require_body else TICKED,
        "check_output": TICKED if terms.check_output else "",
        "stream": TICKED if terms.stream else "",
        "logo": terms.logo,
        "category": terms.category,
        **typed_sample(terms.sample),
        **typed_input(terms.input_schema, terms.example_input, terms.upstream_url),
    }
    for price in terms.prices:
        known = token(price.network, price.asset)
        key = token_key(price.network, price.asset)
        if known is not None:
            typed[f"price:{key}"] = (
                f"{in_dollars(price.amount_atomic, known.decimals).normalize():f}"
            )
        typed[f"pay_to:{key}"] = price.pay_to
    return typed


def typed_input(schema: Schema, example: Mapping[str, Any], url: str) -> dict[str, Any]:
    """An input as rows where rows can say it, else as JSON."""
    try:
        return typed_rows(schema, example, PARAMETER.findall(url))
    except Unsayable:
        return {
            "input_mode": "json",
            "rows": [],
            "input_schema": pretty(schema),
            "example": pretty(
                {name: value for name, value in example.items() if value not in ({}, "")}
            ),
        }


def typed_rows(schema: object, example: Mapping[str, Any], path: Collection[str]) -> dict[str, Any]:
    """An input as rows; `Unsayable` where they would lose something of it."""
    rows = rows_of(schema, example, path)
    return {"input_mode": "rows", "rows": rows, "input_schema": "", "example": ""}


def path_names(typed: Typed) -> list[str]:
    """The path parameters that the address of the upstream names."""
    return list(dict.fromkeys(PARAMETER.findall(_text(typed, "upstream_url"))))


def pretty(document: object) -> str:
    return orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()


def _input(typed: Typed, method: str, url: str) -> tuple[object, dict[str, Any]]:
    if typed.get("input_mode") == "json":
        example = _json(typed, "example")
        if example is not None and not isinstance(example, dict):
            raise bad("example", 'an object with "path", "query" or "body" in it')
        for part in ("path", "query"):
            if not isinstance((example or {}).get(part, {}), dict):
                like = f'{{"{part}": {{"city": "Oslo"}}}}'
                raise bad("example", f"the {part} is an object, such as {like}")
        return _json(typed, "input_schema"), example or {}
    return from_rows(typed.get("rows", []), method, PARAMETER.findall(url))


def _asks(typed: Typed, site: Site) -> list[Ask]:
    asks = []
    for accepted in site.accepted:
        asset = accepted.asset
        key = token_key(asset.network, asset.address)
        dollars = _text(typed, f"price:{key}").removeprefix("$").strip()
        if dollars:
            pay_to = _text(typed, f"pay_to:{key}") or NOBODY
            asks.append(Ask(dollars, asset.network, pay_to, asset.address))
    return asks


def _text(typed: Typed, name: str) -> str:
    return str(typed.get(name, "")).strip()


def _words(typed: Typed, name: str, separator: str) -> list[str]:
    text = str(typed.get(name, "")).replace("\n", separator)
    return [word for word in (one.strip() for one in text.split(separator)) if word]


def _json(typed: Typed, name: str) -> Any:
    text = _text(typed, name)
    if not text:
        return None
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError as wrong:
        raise bad(name, f"this is no JSON: {wrong}") from wrong


def _number(typed: Typed, name: str, field: str) -> float | None:
    text = _text(typed, name)
    try:
        return float(text) if text else None
    except ValueError:
        raise bad(field, "a number of seconds") from None


def _whole(typed: Typed, name: str) -> int | None:
    text = _text(typed, name)
    try:
        return int(text) if text else None
    except ValueError:
        raise bad(name, "a whole number of days") from None
