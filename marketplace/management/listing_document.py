"""What `listing create` makes of an OpenAPI document: a draft of each operation."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from marketplace.management.listing_draft import secret_headers
from sellers import imports
from sellers.drafts import Draft, upstream_url
from sellers.examples import body, body_media_type, path_values, query_pairs
from sellers.openapi import documents
from sellers.openapi.operations import Operation, operations
from sellers.prices import Ask
from sellers.probes import probe
from sellers.refusals import bad
from sellers.site import Site
from sellers.targets import target
from sellers.terms import Sample


def describe_document(parser: argparse.ArgumentParser) -> None:
    """Say what can be told."""
    parser.add_argument(
        "--from", required=True, dest="document", help="an OpenAPI document: a file or its address"
    )
    parser.add_argument("--seller", required=True, help="the seller's slug; made when new")
    parser.add_argument("--price", required=True, help="dollars a call, such as 0.01")
    parser.add_argument("--pay-to", required=True, help="the seller's wallet, 0x…")
    parser.add_argument("--network", default="", help="by default the first one configured")
    parser.add_argument(
        "--operation",
        action="append",
        default=[],
        dest="operations",
        help="such as 'GET /weather'; by default every one",
    )
    parser.add_argument("--base-url", default="", help="for a document that names no server")
    parser.add_argument(
        "--header", action="append", default=[], help="a secret 'Name: value', or 'Name: @file'"
    )
    parser.add_argument("--publish", action="store_true", help="put them on sale at once")


def drafts_of(options: argparse.Namespace, site: Site) -> Iterator[tuple[str, Draft]]:
    """A slug and a draft for each operation; a sample that the document lacks is asked for."""
    secrets = secret_headers(options)
    for operation in _chosen(options, site):
        typed = imports.typed_of(operation)
        draft = Draft(
            upstream_url=upstream_url(operation.upstream_url, site),
            title=operation.title,
            description=operation.description or f"{operation.title}, answered by its seller.",
            sample=_sample(operation, site, secrets),
            prices=[
                Ask(
                    options.price,
                    options.network or site.accepted[0].asset.network,
                    options.pay_to,
                )
            ],
            method=operation.method,
            example=operation.example,
            input_schema=operation.input_schema,
            output_schema=operation.output_schema,
            tags=operation.tags,
            category=imports.category_of(operation.tags),
            forward_headers=operation.headers,
            secret_headers=list(secrets),
        )
        yield str(typed["slug"]), draft


def _chosen(options: argparse.Namespace, site: Site) -> list[Operation]:
    source = options.document
    if source.startswith(("https://", "http://")):
        text, base_url = documents.fetched(source, site), options.base_url or source
    else:
        text, base_url = _read(Path(source)), options.base_url
    found = operations(text, base_url=base_url)
    known = {each.key: each for each in found}
    if missing := [name for name in options.operations if name not in known]:
        raise bad("operation", f"{missing[0]} is none of {', '.join(known)}")
    return [known[name] for name in options.operations] or found


def _sample(operation: Operation, site: Site, secrets: Mapping[str, str]) -> Sample:
    if operation.answer is not None:
        return Sample(200, operation.answer_type, orjson.dumps(operation.answer))
    example = operation.example
    url = target(operation.upstream_url, path_values(example), query_pairs(example))
    content_type, content = body(example, body_media_type(operation.input_schema))
    headers = [*secrets.items(), *([("Content-Type", content_type)] if content_type else [])]
    return asyncio.run(probe(site, operation.method, url, headers, content))


def _read(path: Path) -> str:
    try:
        return documents.decoded(path.read_bytes())
    except OSError as error:
        raise bad("from", f"{path} cannot be read ({error.strerror})") from error
