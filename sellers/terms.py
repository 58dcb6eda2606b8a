"""Everything a revision of a listing fixes, as one value with one hash.

Approval is of that hash: what an upstream is called with, what a buyer is told and what a buyer
pays can only change together with it.
"""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import lru_cache
from typing import Any

import orjson

from sellers.schemas.rules import Schema
from sellers.texts import visible, visible_lines

QUERY_METHODS = ("GET", "DELETE")
BODY_METHODS = ("POST", "PUT", "PATCH")
METHODS = (*QUERY_METHODS, *BODY_METHODS)
RELEASES = ("hold", "instant", "upfront")

PARAMETER = re.compile(r"\{(\w+)\}")
MEDIA_TYPE_CHARACTERS_MAX = 100  # it stands in the 402 twice, and no step leaves it out
UNKNOWN_TYPE = "application/octet-stream"
_VERSION = "souk-terms-1"
_YOUNG = ("logo", "category")
_OF_SITE = ("connect_seconds", "first_byte_seconds", "answer_bytes_max")  # no seller chooses them
_URLS_KEPT_MAX = 4_096  # each call of a listing asks for its parameters, several times


@dataclass(frozen=True, slots=True)
class PriceTerms:
    """One accepted way to pay: so many atomic units of this asset, to this wallet."""

    network: str
    scheme: str
    asset: str
    amount_atomic: int
    pay_to: str

    def to_json(self) -> dict[str, str]:
        return {
            "network": self.network,
            "scheme": self.scheme,
            "asset": self.asset,
            "amount": str(self.amount_atomic),
            "pay_to": self.pay_to,
        }

    @staticmethod
    def from_json(stored: Mapping[str, str]) -> PriceTerms:
        return PriceTerms(
            network=stored["network"],
            scheme=stored["scheme"],
            asset=stored["asset"],
            amount_atomic=int(stored["amount"]),
            pay_to=stored["pay_to"],
        )


@dataclass(frozen=True, slots=True)
class Sample:
    """An answer the upstream really gave: what a buyer sees before paying."""

    status: int
    content_type: str
    body: bytes

    @property
    def media_type(self) -> str:
        return self.content_type.partition(";")[0].strip().lower()

    @property
    def is_json(self) -> bool:
        return self.media_type == "application/json" or self.media_type.endswith("+json")

    @property
    def is_text(self) -> bool:
        return self.media_type.startswith("text/")

    def document(self) -> Any:
        """The answer's JSON; ValueError when it is none."""
        return orjson.loads(self.body)

    def visible(self) -> Sample:
        """The same answer with nothing in it that only a machine would read. Files stay whole."""
        try:
            return replace(self, body=self._visible_body())
        except ValueError:  # neither JSON nor UTF-8, whatever it says of itself
            return self

    def _visible_body(self) -> bytes:
        if self.is_json and self.body:
            said = self.document()
            seen = visible(said)
            return self.body if seen == said else orjson.dumps(seen)
        if self.media_type.startswith("text/") or self.media_type.endswith(("json", "xml")):
            return visible_lines(self.body.decode()).encode()
        return self.body

    def to_json(self) -> dict[str, object]:
        return {
            "status": self.status,
            "content_type": self.content_type,
            "body": b64encode(self.body).decode(),
        }

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> Sample:
        return Sample(stored["status"], stored["content_type"], b64decode(stored["body"]))


@dataclass(frozen=True, slots=True)
class Terms:
    """What is sold and how: made by `sellers.drafts`, which is where every rule about it is."""

    method: str
    upstream_url: str  # may name path parameters as {name}
    title: str
    description: str
    input_schema: Schema  # as sellers.schemas.validating describes it
    output_schema: Schema
    example_input: Mapping[str, Any]  # path, query, body, as far as the input has them
    sample: Sample
    prices: tuple[PriceTerms, ...]
    service_name: str = ""
    tags: tuple[str, ...] = ()
    forward_headers: tuple[str, ...] = ()  # of the buyer's, lower case
    secret_headers: tuple[str, ...] = ()  # names only; values are sealed beside the listing
    release: str = "hold"
    connect_seconds: float = 5  # as all of _OF_SITE: the site's of then; calls keep today's
    first_byte_seconds: float = 60
    total_seconds: float = 90
    answer_bytes_max: int = 10_000_000
    answer_keep_days: int = 7
    require_body: bool = True
    check_output: bool = False
    stream: bool = False  # the answer is passed on as it comes
    logo: str = ""  # the hash of a picture that is kept beside the listings
    category: str = ""  # one of sellers.categories

    @property
    def path_parameters(self) -> tuple[str, ...]:
        """The names in the upstream's path, in the order a buyer writes their values."""
        return _parameters(self.upstream_url)

    @property
    def mime_type(self) -> str:
        """What buyers are told comes back; a type from before types had a length is not told."""
        said = self.sample.media_type
        return said if 0 < len(said) <= MEDIA_TYPE_CHARACTERS_MAX else UNKNOWN_TYPE

    @property
    def required_keys(self) -> frozenset[str]:
        """What an answer must hold to be charged for, where the seller promises it."""
        return (
            frozenset(self.output_schema.get("required", ())) if self.check_output else frozenset()
        )

    def to_json(self) -> dict[str, Any]:
        """These terms as they are stored and hashed."""
        stored = {name.name: getattr(self, name.name) for name in fields(self)}
        stored["sample"] = self.sample.to_json()
        stored["prices"] = [price.to_json() for price in self.prices]
        for name in _YOUNG:  # so that terms from before there were any keep their hash
            if not stored[name]:
                del stored[name]
        return stored

    @staticmethod
    def from_json(stored: Mapping[str, Any]) -> Terms:
        return Terms(
            **{
                **stored,
                "sample": Sample.from_json(stored["sample"]),
                "prices": tuple(PriceTerms.from_json(price) for price in stored["prices"]),
                "tags": tuple(stored["tags"]),
                "forward_headers": tuple(stored["forward_headers"]),
                "secret_headers": tuple(stored["secret_headers"]),
            }
        )

    def canonical(self) -> bytes:
        """The one spelling of these terms: sorted keys, no spaces, UTF-8."""
        document = {"version": _VERSION, **self.to_json()}
        return json.dumps(
            document, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
        ).encode()

    def content_hash(self) -> bytes:
        """What a moderator approves, a claim names and a receipt repeats."""
        return hashlib.sha256(self.canonical()).digest()

    def says_the_same(self, other: Terms) -> bool:
        """Whether both say the same, whatever the site's limits were when each was made."""
        as_then = replace(self, **{name: getattr(other, name) for name in _OF_SITE})
        return as_then.canonical() == other.canonical()


@lru_cache(maxsize=_URLS_KEPT_MAX)
def _parameters(upstream_url: str) -> tuple[str, ...]:
    return tuple(PARAMETER.findall(upstream_url))
