"""Somebody who signed in becomes a seller once, at an address nobody else has."""

import pytest
from django.contrib.auth.models import AnonymousUser, User

from sellers.models import Seller
from sellers.profile.directory import open_seller, open_seller_for, seller_of
from sellers.refusals import ListingRefused, Why

pytestmark = pytest.mark.django_db


def user(name: str = "ann") -> User:
    return User.objects.create_user(name)


def test_a_seller_belongs_to_who_opened_it() -> None:
    ann, bob = user(), user("bob")
    seller = open_seller_for(ann, "ann-data", "Ann\u202e Data")
    assert (seller.slug, seller.name, seller.owner) == ("ann-data", "Ann Data", ann)
    assert seller_of(ann) == seller
    assert seller_of(bob) is None
    assert seller_of(AnonymousUser()) is None


def test_a_second_click_changes_nothing_and_a_second_address_is_refused() -> None:
    ann = user()
    assert open_seller_for(ann, "ann", "Ann") == open_seller_for(ann, "ann", "Other")
    with pytest.raises(ListingRefused) as refused:
        open_seller_for(ann, "ann-two", "Ann")
    assert refused.value.why is Why.SELLS_ALREADY
    assert Seller.objects.count() == 1


def test_an_address_of_another_is_refused_also_when_nobody_owns_it() -> None:
    open_seller_for(user(), "ann", "Ann")
    open_seller("seeded")
    for slug in ("ann", "seeded"):
        with pytest.raises(ListingRefused) as refused:
            open_seller_for(user(f"for {slug}"), slug, "Bob")
        assert (refused.value.why, refused.value.field) == (Why.SLUG_TAKEN, "slug")


@pytest.mark.parametrize(
    ("slug", "name", "field"),
    [
        ("", "Ann", "slug"),
        ("An n", "Ann", "slug"),
        ("-ann", "Ann", "slug"),
        ("a" * 49, "Ann", "slug"),
        ("ann", "", "name"),
        ("ann", "\u200b\u202e ", "name"),
    ],
)
def test_what_cannot_be_an_address_or_a_name_is_refused(slug: str, name: str, field: str) -> None:
    with pytest.raises(ListingRefused) as refused:
        open_seller_for(user(), slug, name)
    assert refused.value.field == field
