"""The domain that a seller shows to be theirs."""

from __future__ import annotations

from rest_framework import serializers

from sellers.api.shapes.base import Shape


class DomainIn(Shape):
    """Which domain is the seller's."""

    domain = serializers.CharField(help_text="the name alone, such as example.com")


class DomainOut(Shape):
    """A domain, what proves it, and what was found there."""

    domain = serializers.CharField(
        allow_null=True, help_text="null where none is named; other alphabets in punycode"
    )
    file = serializers.CharField(allow_null=True, help_text="where the line is looked for")
    line = serializers.CharField(allow_null=True, help_text="what the file holds; no secret")
    checking = serializers.BooleanField(help_text="a look is under way: ask again")
    verified_at = serializers.DateTimeField(
        allow_null=True, help_text="since when it is proven; null while it is not"
    )
    seen_at = serializers.DateTimeField(allow_null=True, help_text="the last look")
    trouble = serializers.CharField(allow_blank=True, help_text="why the last look failed")
    fix = serializers.CharField(allow_blank=True, help_text="what to do about it")
    next_look_at = serializers.DateTimeField(allow_null=True)
