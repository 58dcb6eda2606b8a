"""Which domains can be named, however they are typed, and which cannot."""

from __future__ import annotations

import pytest

from sellers.domains.names import domain_name
from sellers.profile.look_alikes import in_letters
from sellers.refusals import ListingRefused


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("example.com", "example.com"),
        ("  Example.COM ", "example.com"),
        ("example.com.", "example.com"),
        ("api.v2.example-shop.co.uk", "api.v2.example-shop.co.uk"),
        ("3.example.com", "3.example.com"),
        ("münchen.de", "xn--mnchen-3ya.de"),
        ("MÜNCHEN.de", "xn--mnchen-3ya.de"),
        ("xn--mnchen-3ya.de", "xn--mnchen-3ya.de"),
        ("ｅｘａｍｐｌｅ。com", "example.com"),
        ("пример.рф", "xn--e1afmkfd.xn--p1ai"),
        # Whole in one alphabet it may be anybody's; buyers are shown the spelling on the right.
        ("аррӏе.com", "xn--80ak6aa92e.com"),
        ("日本語たち.jp", "xn--f9je2122bncbk91h.jp"),
    ],
)
def test_a_domain_has_one_spelling(typed: str, kept: str) -> None:
    assert domain_name(typed) == kept
    assert domain_name(in_letters(kept)) == kept


@pytest.mark.parametrize(
    "typed",
    [
        "",
        "   ",
        "localhost",
        "com",
        ".com",
        "example..com",
        "example.com..",
        "-example.com",
        "example-.com",
        "exa_mple.com",
        "*.example.com",
        "exam ple.com",
        "exam\u200bple.com",
        "example\u202e.com",
        "example.com\nevil.com",
        "exam\x00ple.com",
        "https://example.com",
        "example.com/",
        "example.com:443",
        "me@example.com",
        "example.com?x",
        "example.com#x",
        "example.com%2f",
        "example.com\\evil",
        "127.0.0.1",
        "127.1",
        "１２７.0.0.1",
        "2130706433.1",
        "0x7f.0x1",
        "10.0.0.0x1",
        "[::1]",
        "::1",
        "fe80::1%25eth0",
        "☃.com",
        "xn--abc.com",
        "xn--a.com",
        "ex'ample.com",
        '"><script>.com',
        "a" * 64 + ".com",
        "example.c",
        ".".join(["a" * 60] * 5),
        "ü" * 250 + ".de",
    ],
)
def test_what_is_no_domain_is_refused_at_its_field(typed: str) -> None:
    with pytest.raises(ListingRefused) as refused:
        domain_name(typed)
    assert refused.value.field == "domain"


@pytest.mark.parametrize(
    "typed",
    ["аpple.com", "а1pple.com", "а-pple.com", "www.аpple.com", "xn--pple-43d.com", "gοogle.com"],
)
def test_letters_of_alphabets_that_look_alike_are_not_mixed(typed: str) -> None:
    with pytest.raises(ListingRefused) as refused:
        domain_name(typed)
    assert "one alphabet" in refused.value.message
