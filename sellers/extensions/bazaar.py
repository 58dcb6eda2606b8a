"""The `bazaar` extension of a 402: how a listing is called and what it answers, for agents.

Clients send every byte of it back with their payment, so it can be written at several lengths.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from sellers.schemas.parameters import type_name, types_of
from sellers.schemas.rules import DIALECT, Schema, rebuilt
from sellers.schemas.validating import complaint
from sellers.terms import BODY_METHODS, Sample, Terms
from sellers.texts import visible, visible_lines

TEXT_EXAMPLE_CHARACTERS_MAX = 500
_NOTES = {"title", "description", "examples", "default", "deprecated", "readOnly", "writeOnly"}
_FIELDS = {"path": "pathParams", "query": "queryParams", "body": "body"}


class Shed(StrEnum):
    """What a 402 leaves out when it would grow too long, in this order."""

    REFUND = "refund"
    LOGO = "logo"
    OUTPUT_EXAMPLE = "output_example"
    DESCRIPTIONS = "descriptions"
    OUTPUT_SCHEMA = "output_schema"
    OFFER_RECEIPT = "offer_receipt"
    OPTIONAL_INPUT = "optional_input"
    EVERYTHING = "bazaar"


def extension(terms: Terms, route: str, shed: frozenset[Shed]) -> dict[str, Any] | None:
    """What stands under `bazaar`, without what is shed; None when all of it is."""
    if Shed.EVERYTHING in shed:
        return None
    parts, example = terms.input_schema["properties"], terms.example_input
    if Shed.OPTIONAL_INPUT in shed:
        example = {name: _required_members(parts[name], example[name]) for name in parts}
        parts = {name: _required_only(part, example[name]) for name, part in parts.items()}
    output_info, output_schema = _output(terms, shed)
    info = {"input": _input_info(terms, parts, example), "output": output_info}
    properties = {"input": _input_schema(terms, parts)}
    if output_schema is not None:
        properties["output"] = output_schema
    if Shed.DESCRIPTIONS in shed:
        properties = {name: rebuilt(part, without_notes) for name, part in properties.items()}
    schema = {"$schema": DIALECT, "type": "object", "properties": properties, "required": ["input"]}
    written = {"info": info, "schema": schema}
    if terms.path_parameters:
        # A template that says nothing is refused by readers, so static routes have none.
        written["routeTemplate"] = "/".join(
            (route, *(f":{name}" for name in terms.path_parameters))
        )
    return written


def _input_info(
    terms: Terms, parts: Mapping[str, Schema], example: Mapping[str, Any]
) -> dict[str, Any]:
    info: dict[str, Any] = {"type": "http", "method": terms.method}
    if terms.method in BODY_METHODS:
        info["bodyType"] = body_type(parts["body"])
    return info | {_FIELDS[name]: example[name] for name in parts}


def _input_schema(terms: Terms, parts: Mapping[str, Schema]) -> Schema:
    """A schema of the info as a whole, not of the request: that is what readers check with it."""
    properties: Schema = {
        "type": {"type": "string", "const": "http"},
        "method": {"type": "string", "enum": [terms.method]},
    }
    required = ["type", "method"]
    if terms.method in BODY_METHODS:
        properties["bodyType"] = {"type": "string", "enum": [body_type(parts["body"])]}
        required.append("bodyType")
    properties |= {_FIELDS[name]: part for name, part in parts.items()}
    required += [_FIELDS[name] for name in parts if name != "query" or parts[name].get("required")]
    return {
        "type": "object",
        "properties": properties,
        "required": required,
        "additionalProperties": False,
    }


def body_type(body: Schema) -> str:
    return "text" if "contentMediaType" in body else "json"


def _output(terms: Terms, shed: frozenset[Shed]) -> tuple[dict[str, Any], Schema | None]:
    sample = terms.sample
    info: dict[str, Any] = {"type": "json"}
    if not sample.is_json:
        info = {"type": terms.mime_type.partition("/")[0], "format": terms.mime_type}
    if Shed.OUTPUT_SCHEMA in shed:
        return info, None
    example = None if Shed.OUTPUT_EXAMPLE in shed else _output_example(sample)
    # Taking hidden characters out may have made a text another one than the schema lists.
    if example is not None and complaint(terms.output_schema, example) is None:
        info["example"] = example
    schema = {
        "type": "object",
        "properties": {"type": {"type": "string"}, "example": terms.output_schema},
        "required": ["type"],
    }
    return info, schema


def _output_example(sample: Sample) -> Any:
    if sample.is_json and sample.body:
        return visible(sample.document())
    if sample.is_text:
        said = visible_lines(sample.body.decode("utf-8", "replace"))
        return said[:TEXT_EXAMPLE_CHARACTERS_MAX]
    return None


def without_notes(schema: Schema) -> Schema:
    return {keyword: value for keyword, value in schema.items() if keyword not in _NOTES}


def _required_only(part: Schema, example: Any) -> Schema:
    """A part by its required names and their types: enough to see what has to be sent."""
    if "properties" not in part:
        return {key: part[key] for key in ("type", "contentMediaType") if key in part}
    names = part.get("required", [])
    kinds = {name: _typed(part["properties"].get(name), example.get(name)) for name in names}
    return {"type": "object", "properties": kinds, "required": names}


def _typed(schema: object, example: object) -> Schema:
    """The types a schema names; the example's own among them, which a branch may leave open."""
    kinds = sorted(types_of(schema) | {type_name(example)})
    return {"type": kinds[0] if len(kinds) == 1 else kinds}


def _required_members(part: Schema, example: Any) -> Any:
    if "properties" not in part or not isinstance(example, dict):
        return example
    return {name: example[name] for name in part.get("required", []) if name in example}
