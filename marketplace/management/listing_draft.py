"""What `listing add` was told on its command line, as a draft."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import orjson

from sellers.categories import CATEGORIES
from sellers.drafts import Draft, upstream_url
from sellers.examples import body, body_media_type, path_values, query_pairs
from sellers.header_names import secret_name
from sellers.prices import Ask
from sellers.refusals import bad
from sellers.schemas.parameters import read_all
from sellers.site import Site
from sellers.terms import BODY_METHODS, Sample
from sellers.upstreams.probes import probe
from sellers.upstreams.targets import target


def describe_draft(parser: argparse.ArgumentParser) -> None:
    """Say what can be told."""
    parser.add_argument("upstream_url", help="https://…, with {name} for path parameters")
    parser.add_argument("--seller", required=True, help="the seller's slug; made when new")
    parser.add_argument("--slug", required=True)
    parser.add_argument("--price", required=True, help="dollars a call, such as 0.01")
    parser.add_argument("--pay-to", required=True, help="the seller's wallet, 0x…")
    parser.add_argument("--method", default="GET")
    parser.add_argument("--network", default="", help="by default the first one configured")
    parser.add_argument("--title", default="", help="by default made from the slug")
    parser.add_argument("--description", default="")
    parser.add_argument("--tag", action="append", default=[], dest="tags")
    parser.add_argument("--category", default="", help=f"one of {', '.join(CATEGORIES)}")
    parser.add_argument("--example", default="", help="an example input: JSON or a query string")
    parser.add_argument(
        "--path-param", action="append", default=[], metavar="NAME=VALUE", help="its example value"
    )
    parser.add_argument(
        "--answer", default="", help="a sample answer, or @file; else one is asked for"
    )
    parser.add_argument("--answer-type", default="application/json")
    parser.add_argument("--schema", type=Path, help="a file: JSON Schema of path, query and body")
    parser.add_argument("--output-schema", type=Path, help="a file: JSON Schema of the answer")
    parser.add_argument(
        "--header", action="append", default=[], help="a secret 'Name: value', or 'Name: @file'"
    )
    parser.add_argument(
        "--forward-header", action="append", default=[], help="a buyer's, passed on"
    )
    parser.add_argument("--release", default="hold", help="hold, instant or upfront")
    parser.add_argument(
        "--stream", action="store_true", help="pass the answer on as it comes; with upfront"
    )
    parser.add_argument("--timeout", type=float, help="seconds a call may take")
    parser.add_argument("--keep-days", type=int, help="days an answer can be fetched again")
    parser.add_argument("--check-output", action="store_true", help="charge only complete answers")


def secret_headers(options: argparse.Namespace) -> dict[str, str]:
    """The secret headers by name, read from files where the command line names one."""
    return dict(_secret(line) for line in options.header)


def draft_of(options: argparse.Namespace, site: Site, secrets: Mapping[str, str]) -> Draft:
    """The draft, with a sample answer that was given or is asked for now."""
    options.upstream_url = upstream_url(options.upstream_url, site)
    schema = _json_file(options.schema)
    example = _example(options, schema)
    sample = _given_sample(options) or asyncio.run(_probed(options, site, example, schema, secrets))
    title = options.title or options.slug.replace("-", " ").capitalize()
    return Draft(
        upstream_url=options.upstream_url,
        title=title,
        description=options.description or f"{title}, answered by its seller.",
        sample=sample,
        prices=[
            Ask(options.price, options.network or site.accepted[0].asset.network, options.pay_to)
        ],
        method=options.method,
        example=example,
        input_schema=schema,
        output_schema=_json_file(options.output_schema),
        tags=options.tags,
        category=options.category,
        forward_headers=options.forward_header,
        secret_headers=list(secrets),
        release=options.release,
        total_seconds=options.timeout,
        answer_keep_days=options.keep_days,
        check_output=options.check_output,
        stream=options.stream,
    )


def _example(options: argparse.Namespace, schema: object) -> dict[str, Any]:
    """The example call by its parts; a bare object or query string is the part the method has."""
    path = [pair.partition("=")[::2] for pair in options.path_param]
    parts: dict[str, Any] = {"path": _typed(path, "path", schema)} if path else {}
    text = options.example.strip()
    if not text:
        return parts
    own = "body" if options.method in BODY_METHODS else "query"
    if text[0] not in "{[":
        pairs = parse_qsl(text.lstrip("?"), keep_blank_values=True)
        return parts | {"query": _typed(pairs, "query", schema)}
    try:
        given = orjson.loads(text)
    except orjson.JSONDecodeError as wrong:
        raise bad("example", f"neither JSON nor a query string ({wrong})") from wrong
    if isinstance(given, dict) and given and set(given) <= {"path", "query", "body"}:
        return parts | given
    return parts | {own: given}


def _typed(pairs: Sequence[tuple[str, str]], part: str, schema: Any) -> dict[str, Any]:
    """Values written as text, as the types the schema names; without a schema they stay text."""
    try:
        kinds = schema["properties"][part]["properties"]
    except (KeyError, TypeError):
        kinds = {}
    texts: dict[str, list[str]] = {}
    for name, text in pairs:
        texts.setdefault(name, []).append(text)
    return {name: read_all(kinds.get(name), given) for name, given in texts.items()}


def _secret(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon:
        raise bad("header", "write a header as 'Name: value' or 'Name: @file'")
    return secret_name(name.strip(), "header"), _text_or_file(value.strip(), "header").strip()


def _text_or_file(text: str, field: str) -> str:
    return _read(Path(text[1:]), field).decode() if text.startswith("@") else text


def _given_sample(options: argparse.Namespace) -> Sample | None:
    answer: str = options.answer
    if not answer:
        return None
    body = _read(Path(answer[1:]), "answer") if answer.startswith("@") else answer.encode()
    return Sample(200, options.answer_type, body)


def _json_file(path: Path | None) -> object:
    if path is None:
        return None
    try:
        return orjson.loads(_read(path, "schema"))
    except orjson.JSONDecodeError as wrong:
        raise bad("schema", f"{path} is no JSON ({wrong})") from wrong


def _read(path: Path, field: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise bad(field, f"{path} cannot be read ({error.strerror})") from error


async def _probed(
    options: argparse.Namespace,
    site: Site,
    example: Mapping[str, Any],
    schema: object,
    secrets: Mapping[str, str],
) -> Sample:
    url = target(options.upstream_url, path_values(example), query_pairs(example))
    content_type, content = body(example, body_media_type(schema))
    headers = [*secrets.items(), *([("Content-Type", content_type)] if content_type else [])]
    return await probe(site, options.method, url, headers, content)
