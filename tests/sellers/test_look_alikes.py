"""Domains that would be taken for another seller's, as moderators are told of them."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone

from sellers.models import Domain, Listing, Seller
from sellers.profile.look_alikes import likenesses
from tests.fixtures.cast import Cast
from tests.marketplace.moderation.bench import judge
from tests.marketplace.moderation.conftest import desk as desk
from tests.marketplace.moderation.conftest import moderator as moderator
from tests.sellers.desk import Desk, open_desk

PAYPAL_IN_CYRILLIC = "xn--80aa0cbo65f.com"


@pytest.fixture
def known(desk: Desk, moderator: Client) -> Seller:
    """Somebody who sells, and whose domain is proven."""
    judge(moderator, desk.submitted(), "approve")
    _named(desk.seller, "paypal.com")
    return desk.seller


@pytest.fixture
def twin(known: Seller, desk: Desk) -> Listing:
    """What somebody else proposes."""
    return open_desk("quill", Cast.other_seller, desk.upstream_url).submitted(slug="other")


def _named(seller: Seller, name: str, *, proven: bool = True) -> None:
    now = timezone.now() if proven else None
    Domain.objects.update_or_create(
        seller=seller, defaults={"name": name, "token": "x", "verified_at": now, "well_at": now}
    )


def _of_domains(listing: Listing) -> list[str]:
    found = likenesses(listing)
    return [f"{each.what} {each.title}" for each in found if "domain" in each.what]


@pytest.mark.parametrize(
    ("name", "how"),
    [
        ("paypa1.com", "reads the same as that of"),
        ("pay-pal.com", "reads the same as that of"),
        ("paypall.com", "is 1 letter away from that of"),
    ],
)
def test_a_domain_that_looks_like_another_sellers_is_noticed(
    twin: Listing, name: str, how: str
) -> None:
    _named(twin.seller, name)
    assert _of_domains(twin) == [f"its seller's domain {name} {how} paypal.com"]


@pytest.mark.parametrize("name", ["paypal-api.com", "api.paypal.com", "quill.example"])
def test_a_domain_that_reads_otherwise_is_not(twin: Listing, name: str) -> None:
    _named(twin.seller, name)
    assert _of_domains(twin) == []


def test_a_domain_in_other_letters_is_compared_as_people_read_it(twin: Listing) -> None:
    _named(twin.seller, PAYPAL_IN_CYRILLIC)
    assert _of_domains(twin) == [
        "its seller's domain xn--80aa0cbo65f.com (раураӏ.com) reads the same as that of paypal.com"
    ]


def test_of_a_domain_that_is_only_named_it_says_so(twin: Listing) -> None:
    _named(twin.seller, "paypal.com", proven=False)
    assert _of_domains(twin) == [
        "its seller's domain paypal.com, not proven, is that of paypal.com"
    ]


def test_what_others_only_name_is_nobodys_to_imitate(twin: Listing, known: Seller) -> None:
    _named(twin.seller, "paypa1.com")
    assert _of_domains(twin) != []
    _named(known, "paypal.com", proven=False)
    assert _of_domains(twin) == []


def test_moderators_read_it_where_they_judge(twin: Listing, moderator: Client) -> None:
    _named(twin.seller, "paypa1.com")
    page = moderator.get(f"/moderation/{twin.pk}").content.decode()
    said = "ts seller&#x27;s domain paypa1.com reads the same as that of"
    assert f"I{said} atlas/weather." in page
    assert f"i{said} <strong>atlas/weather</strong>" in page
