"""What `listing create` makes of an OpenAPI document: a draft of each operation."""

from __future__ import annotations

import argparse
import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

import orjson

from marketplace.management.listing_draft import secret_headers
from sellers.drafting import imports
from sellers.drafts import Draft, upstream_url
from sellers.examples import body, body_media_type, path_values, query_pairs
from sellers.openapi import documents
from sellers.openapi.operations import Operation, operations
from sellers.prices import Ask
from sellers.refusals import bad
from sellers.site import Site
from sellers.terms import Sample
from sellers.upstreams.probes import probe
from sellers.upstreams.targets import target


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
    parser.add_argument(
        "--base-url",
        default="",
        help="where its servers are, for a document that does not say it in full",
    )
    parser.add_argument(
        "--header", action="append", default=[], help="a secret 'Name: value', or 'Name: @file'"
    )
    parser.add_argument("--publish", action="store_true", help="put them on sale at once")


def drafts_of(options: argparse.Namespace, site: Site) -> Iterator[tuple[str, Draft]]:
    """A slug and a draft for each operation; a sample that the document lacks is asked for."""
    secrets = secret_headers(options)
    for operation in _chosen(options, site):
        whole = operation.in_and_out
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
            example=whole.example,
            input_schema=whole.input_schema,
            output_schema=whole.output_schema,
            tags=operation.tags,
            category=imports.category_of(operation.tags),
            forward_headers=whole.headers,
            secret_headers=list(secrets),
        )
        yield str(typed["slug"]), draft


def _chosen(options: argparse.Namespace, site: Site) -> list[Operation]:
    source = options.document
    if source.startswith(("https://", "http://")):
        text, document_url = documents.fetched(source, site), source
    else:
        text, document_url = _read(Path(source)), ""
    found = operations(text, options.base_url, document_url)
    known = {each.key: each for each in found}
    if missing := [name for name in options.operations if name not in known]:
        raise bad("operation", f"{missing[0]} is none of {', '.join(known)}")
    chosen = [known[name] for name in options.operations] or found
    if lost := [each for each in chosen if not each.has_address]:
        raise bad("base-url", _no_address(lost))
    return chosen


def _no_address(lost: list[Operation]) -> str:
    server = lost[0].server
    said = f"the document's server is {server}, no full address" if server else "no server is named"
    more = f" and {len(lost) - 1} more have" if len(lost) > 1 else " has"
    return f"{lost[0].key}{more} no address: {said}; say --base-url https://…"


def _sample(operation: Operation, site: Site, secrets: Mapping[str, str]) -> Sample:
    whole = operation.in_and_out
    if whole.answer is not None:
        return Sample(200, whole.answer_type, orjson.dumps(whole.answer))
    example = whole.example
    url = target(operation.upstream_url, path_values(example), query_pairs(example))
    content_type, content = body(example, body_media_type(whole.input_schema))
    headers = [*secrets.items(), *([("Content-Type", content_type)] if content_type else [])]
    return asyncio.run(probe(site, operation.method, url, headers, content))


def _read(path: Path) -> str:
    try:
        return documents.decoded(path.read_bytes())
    except OSError as error:
        raise bad("from", f"{path} cannot be read ({error.strerror})") from error
