"""Outbound HTTP: which addresses may be called, the clients that call them, one bounded call."""

from payments.egress.clients import open_client, open_trusted_client, vetted_addresses
from payments.egress.exchange import (
    Failed,
    FailureKind,
    Head,
    Limits,
    Reader,
    Reply,
    exchange,
)
from payments.egress.own import own_addresses, own_names
from payments.egress.rule import Allowance, EgressRefused, EgressRule, Refusal, parse_allowance

__all__ = [
    "Allowance",
    "EgressRefused",
    "EgressRule",
    "Failed",
    "FailureKind",
    "Head",
    "Limits",
    "Reader",
    "Refusal",
    "Reply",
    "exchange",
    "open_client",
    "open_trusted_client",
    "own_addresses",
    "own_names",
    "parse_allowance",
    "vetted_addresses",
]
