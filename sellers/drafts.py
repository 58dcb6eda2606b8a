"""From what a seller typed to terms that can be published, or to a word on what to change."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from math import ceil
from typing import Any

from sellers.addresses import vetted
from sellers.categories import CATEGORIES
from sellers.content_types import CONTENT_TYPE_CHARACTERS_MAX, is_content_type
from sellers.header_names import forwarded_name, secret_name
from sellers.input_rules import admit_example, admit_input
from sellers.prices import PRICES_MAX, Ask, in_dollars, price
from sellers.refusals import bad
from sellers.schemas.inference import schema_of
from sellers.schemas.rules import Schema, SchemaRefused, admit, refuse_depth
from sellers.schemas.validating import complaint
from sellers.site import Accepted, Site
from sellers.terms import (
    MEDIA_TYPE_CHARACTERS_MAX,
    METHODS,
    PARAMETER,
    RELEASES,
    PriceTerms,
    Sample,
    Terms,
)
from sellers.texts import clean, clean_ascii

LOGO = re.compile(r"[0-9a-f]{64}")
TITLE_CHARACTERS = range(3, 81)
DESCRIPTION_CHARACTERS_MAX = 500
SERVICE_NAME_CHARACTERS_MAX = 32  # this and the tags: what the x402 bazaar takes
TAG_CHARACTERS_MAX = 32
TAGS_MAX = 5
UPSTREAM_URL_CHARACTERS_MAX = 2_000
PATH_PARAMETERS_MAX = 8
SAMPLE_BYTES_MAX = 65_536
HEADERS_MAX = 20
KEEP_DAYS_MAX = 30
ASKING_SECONDS = 60  # from a buyer's signature to our door, by two clocks
OFFER_SECONDS_MAX = 3_600  # no grader takes an offer that may take longer


@dataclass(frozen=True, slots=True)
class Draft:
    """A listing as a seller describes it: texts as typed, dollars as dollars."""

    upstream_url: str
    title: str
    description: str
    sample: Sample
    prices: Sequence[Ask]
    method: str = "GET"
    example: Mapping[str, Any] = field(default_factory=dict)  # path, query, body
    input_schema: object = None  # made from the example when missing
    output_schema: object = None  # made from the sample answer when missing
    service_name: str = ""
    tags: Sequence[str] = ()
    forward_headers: Sequence[str] = ()
    secret_headers: Sequence[str] = ()
    release: str = "hold"
    total_seconds: float | None = None
    answer_keep_days: int | None = None
    require_body: bool = True
    check_output: bool = False
    stream: bool = False
    logo: str = ""
    category: str = ""


def finish(draft: Draft, site: Site) -> Terms:
    """Terms that keep every rule of this site; `ListingRefused` names the field that does not."""
    if draft.method not in METHODS:
        raise bad("method", f"one of {', '.join(METHODS)}")
    if draft.release not in RELEASES:
        raise bad("release", f"one of {', '.join(RELEASES)}")
    if draft.stream and draft.release != "upfront":
        raise bad("stream", "only with release upfront: what has been passed on cannot be held")
    if draft.stream and draft.check_output:
        raise bad("stream", "not with check_output, which needs the whole answer first")
    url = upstream_url(draft.upstream_url, site)
    names = _path_parameters(url)
    input_schema = admit_input(draft.input_schema, draft.example, draft.method, names)
    _refuse_bad_sample(draft)
    title = clean(draft.title, TITLE_CHARACTERS[-1])
    if len(title) not in TITLE_CHARACTERS:
        raise bad("title", f"at least {TITLE_CHARACTERS[0]} characters that can be read")
    description = clean(draft.description, DESCRIPTION_CHARACTERS_MAX)
    if not description:
        raise bad("description", "say what a buyer gets")
    total_seconds = _total_seconds(draft.total_seconds, site)
    prices = _prices(draft.prices, site)
    _refuse_dear_instant(draft.release, prices, site)
    return Terms(
        method=draft.method,
        upstream_url=url,
        title=title,
        description=description,
        input_schema=input_schema,
        output_schema=_output_schema(draft),
        example_input=admit_example(draft.example, input_schema),
        sample=draft.sample,
        prices=prices,
        service_name=clean_ascii(draft.service_name or title, SERVICE_NAME_CHARACTERS_MAX),
        tags=_tags(draft.tags),
        forward_headers=_headers(draft.forward_headers, "forward_headers", forwarded_name),
        secret_headers=_headers(draft.secret_headers, "secret_headers", secret_name),
        release=draft.release,
        connect_seconds=min(site.connect_seconds, total_seconds),
        first_byte_seconds=min(site.first_byte_seconds, total_seconds),
        total_seconds=total_seconds,
        answer_bytes_max=site.answer_bytes_max,
        answer_keep_days=_keep_days(draft.answer_keep_days, site),
        require_body=draft.require_body,
        check_output=draft.check_output,
        stream=draft.stream,
        logo=_logo(draft.logo),
        category=_category(draft.category),
    )


def upstream_url(text: str, site: Site) -> str:
    """The address calls are forwarded to, in the spelling that is published, or a refusal."""
    field_name = "upstream_url"
    text = text.strip()
    if len(text) > UPSTREAM_URL_CHARACTERS_MAX:
        raise bad(field_name, f"at most {UPSTREAM_URL_CHARACTERS_MAX} characters")
    vetted(PARAMETER.sub("x", text), site, field_name)
    if "#" in text:
        raise bad(field_name, "a fragment (#…) never reaches a server")
    head, slashes, rest = text.partition("//")
    authority, _, path = rest.partition("/")
    if PARAMETER.search(authority) or "?" in authority:
        raise bad(field_name, "the host and port are fixed; write a / after them")
    _refuse_odd_path(path)
    return f"{head}{slashes}{authority}/{path}"


def offer_seconds(total_seconds: float, accepted: Accepted, site: Site) -> int:
    """How long an offer's authorization may last: twice the work and the settling, at least.

    Nor shorter than what the door asks to be left of it, and some time to ask in for a buyer
    whose clock is behind.
    """
    work = ceil(total_seconds)
    asked = work + accepted.settle_margin_seconds + ASKING_SECONDS
    return max(site.max_timeout_seconds, 2 * work + site.settle_margin_seconds, asked)


def total_seconds_max(site: Site) -> float:
    """How long a call may be given: what is offered for it must stay within what graders take."""
    return min(site.total_seconds, (OFFER_SECONDS_MAX - site.settle_margin_seconds) / 2)


def _refuse_odd_path(path: str) -> None:
    before, _, query = path.partition("?")
    if PARAMETER.search(query):
        raise bad("upstream_url", "buyers' query parameters are passed on; {name} is for the path")
    if {"{", "}"} & set(PARAMETER.sub("", path)):
        raise bad("upstream_url", "a path parameter is written {name}")
    if any(part in (".", "..") for part in before.split("/")):
        raise bad("upstream_url", "steps such as .. are not for a path")


def _path_parameters(upstream_url: str) -> tuple[str, ...]:
    names = tuple(PARAMETER.findall(upstream_url))
    if len(set(names)) < len(names) or len(names) > PATH_PARAMETERS_MAX:
        raise bad("upstream_url", f"up to {PATH_PARAMETERS_MAX} path parameters, each once")
    if any(len(name) > TAG_CHARACTERS_MAX or not name.isascii() for name in names):
        raise bad("upstream_url", "a path parameter's name is up to 32 letters, digits and _")
    return names


def _refuse_bad_sample(draft: Draft) -> None:
    sample = draft.sample
    if not 200 <= sample.status < 300:
        raise bad("sample", f"a good answer, not status {sample.status}")
    if len(sample.body) > SAMPLE_BYTES_MAX:
        raise bad("sample", f"at most {SAMPLE_BYTES_MAX} bytes; give a shorter one")
    if draft.require_body and not sample.body:
        raise bad("sample", "an answer with a body")
    if not is_content_type(sample.content_type):
        most = f"up to {MEDIA_TYPE_CHARACTERS_MAX} characters, {CONTENT_TYPE_CHARACTERS_MAX} with"
        raise bad("sample", f"a content type such as application/json, {most} its parameters")
    if draft.check_output and not sample.is_json:
        raise bad("check_output", "only JSON answers have keys that can be checked")


def _output_schema(draft: Draft) -> Schema:
    """The answer's schema, which its sample keeps."""
    sample, given = draft.sample, draft.output_schema
    document = _document(sample) if sample.is_json and sample.body else None
    if given is None:
        given = schema_of(document) if sample.is_json else {"type": "string"}
    try:
        schema = admit(given)
    except SchemaRefused as refused:
        raise bad("output_schema", str(refused)) from refused
    wrong = complaint(schema, document, "answer") if sample.is_json and sample.body else None
    if wrong:
        raise bad("sample", wrong)
    return schema


def _document(sample: Sample) -> Any:
    try:
        document = sample.document()
        refuse_depth(document)
    except SchemaRefused as refused:
        raise bad("sample", str(refused)) from refused
    except ValueError:
        raise bad("sample", f"it says {sample.media_type} but is no JSON") from None
    return document


def _prices(asks: Sequence[Ask], site: Site) -> tuple[PriceTerms, ...]:
    if not 1 <= len(asks) <= PRICES_MAX:
        raise bad("price", f"one to {PRICES_MAX} prices")
    prices = tuple(price(ask, site) for ask in asks)
    if len({(each.network, each.asset) for each in prices}) < len(prices):
        raise bad("price", "one price for each token of a network")
    return prices


def _refuse_dear_instant(release: str, prices: Sequence[PriceTerms], site: Site) -> None:
    """A seller must not think an answer leaves at once that in fact waits for its money."""
    most = site.instant_price_max
    for each in prices:
        accepted = site.accepts(each.network, each.asset)
        assert accepted is not None
        if release == "instant" and in_dollars(each.amount_atomic, accepted.asset.decimals) > most:
            raise bad("release", f"instant is for calls of up to ${most:f}; this one costs more")


def _logo(given: str) -> str:
    if given and not LOGO.fullmatch(given):
        raise bad("logo", "the hash of a picture: 64 hexadecimal digits")
    return given


def _category(given: str) -> str:
    if given and given not in CATEGORIES:
        raise bad("category", f"one of {', '.join(CATEGORIES)}, or none")
    return given


def _tags(given: Sequence[str]) -> tuple[str, ...]:
    tags = {tag.lower(): tag for tag in (clean_ascii(one, TAG_CHARACTERS_MAX) for one in given)}
    kept = tuple(tag for tag in tags.values() if tag)
    if len(kept) > TAGS_MAX:
        raise bad("tags", f"at most {TAGS_MAX}")
    return kept


def _headers(
    names: Sequence[str], field_name: str, admit_name: Callable[[str, str], str]
) -> tuple[str, ...]:
    kept = {admit_name(name, field_name) for name in names}
    if len(kept) > HEADERS_MAX:
        raise bad(field_name, f"at most {HEADERS_MAX}")
    return tuple(sorted(kept))


def _total_seconds(wanted: float | None, site: Site) -> float:
    longest = total_seconds_max(site)
    seconds = longest if wanted is None else wanted
    if not 1 <= seconds <= longest:
        raise bad("timeout", f"1 to {longest:g} seconds")
    return seconds


def _keep_days(wanted: int | None, site: Site) -> int:
    days = site.answer_keep_days if wanted is None else wanted
    if not 1 <= days <= KEEP_DAYS_MAX:
        raise bad("keep_days", f"1 to {KEEP_DAYS_MAX} days")
    return days
