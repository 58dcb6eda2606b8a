"""The page of limits: a wallet's holder sets them, its agent reads them, nobody else does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal

from django.test import Client

from marketplace.accounts.linking import unlink
from payments.models import AuditEntry, Cap, Limit, LimitGroup
from tests.fixtures.buying import owner
from tests.fixtures.cast import Cast
from tests.fixtures.shop import Shop

LIMITS = "/buy/limits/"
OpenShop = Callable[..., Shop]
MINE, OTHER = Cast.buyer.address, Cast.other_buyer.address


def given(wallet: str = MINE, **said: str) -> dict[str, str]:
    """The page's form for one wallet."""
    return {"wallet": wallet, **{f"{wallet}-{name}": value for name, value in said.items()}}


def test_a_holder_sets_limits_and_they_are_shown(open_shop: OpenShop) -> None:
    open_shop()
    buyer = owner()
    said = given(name="Scout", day_max="2.50", call_max="0.01", blocked="acme/weather", paused="on")
    assert buyer.client.post(LIMITS, said)["Location"] == LIMITS
    row = Limit.objects.get(payer=MINE)
    assert (row.day_max, row.call_max, row.hour_max) == (Decimal("2.5"), Decimal("0.01"), None)
    assert (row.blocked, row.paused) == (["acme/weather"], True)
    before = row.version
    page = buyer.text(LIMITS)
    assert 'value="2.5"' in page
    assert "Scout" in page
    assert "paused" in page
    buyer.client.post(LIMITS, given(day_max=""))
    row.refresh_from_db()
    assert (row.day_max, row.paused, row.version) == (None, False, before + 1)


def test_the_audit_log_has_what_was_allowed_and_no_name(open_shop: OpenShop) -> None:
    open_shop()
    buyer = owner()
    buyer.client.post(LIMITS, given(name="Scout", day_max="2.50"))
    buyer.client.post(LIMITS, given(name="Scout", day_max="9", paused="on"))
    buyer.client.post(f"{LIMITS}groups/", {"new-name": "Research", "new-day_max": "3"})
    group = LimitGroup.objects.get()
    buyer.client.post(f"{LIMITS}groups/{group.pk}/close")
    said = AuditEntry.objects.filter(act__startswith="limits.").order_by("sequence")
    first, second, opened, closed = said
    assert {each.actor for each in (first, second, opened, closed)} == {f"user:{buyer.user.pk}"}
    assert [first.subject, opened.subject] == [f"wallet:{MINE}", f"limit_group:{group.pk}"]
    assert (first.before, first.after["day_max"]) == (None, "2.5")
    assert (second.before, second.after["paused"]) == (first.after, True)
    assert (opened.after["day_max"], closed.act) == ("3", "limits.group_closed")
    assert "Scout" not in str(said.values_list("before", "after"))
    assert "Research" not in str(said.values_list("before", "after"))


def test_what_was_spent_before_the_first_limit_counts(open_shop: OpenShop) -> None:
    shop = open_shop()
    for life in ("final", "answer", "void"):
        shop.sold(life, payer=MINE, amount_atomic=400_000)
    shop.sold(payer=OTHER, amount_atomic=7_000_000)
    buyer = owner()
    buyer.client.post(LIMITS, given(day_max="0.9", hour_max="100"))
    page = buyer.text(LIMITS)
    assert "$0.8 of $0.9" in page
    assert "88 %" in page
    buyer.client.post(LIMITS, given(day_max="0.8"))
    assert "used up" in buyer.text(LIMITS)
    spent = Cap.objects.filter(key__startswith=f"spent:{MINE}:6:")
    assert set(spent.values_list("used_atomic", flat=True)) == {Decimal(800_000)}
    assert spent.count() == 4


def test_mistakes_are_said_beside_what_was_typed(open_shop: OpenShop) -> None:
    open_shop()
    buyer = owner()
    for said in ({"day_max": "-1"}, {"hour_max": "much"}, {"blocked": "nobody"},
                 {"call_max": "1e999999"}, {"call_max": "1e-999999"},
                 {"allowed": "acme/nothing"}, {"allowed": "../x"}):  # fmt: skip
        refused = buyer.client.post(LIMITS, given(**said))
        assert refused.status_code == 422, said
        assert next(iter(said.values())) in refused.content.decode()
    assert not Limit.objects.exists()


def test_nobody_sets_or_sees_anothers(db: None) -> None:
    theirs, mine = owner("theirs", OTHER), owner()
    theirs.client.post(LIMITS, given(OTHER, name="Secret agent", day_max="3"))
    assert mine.client.post(LIMITS, given(OTHER, day_max="9")).status_code == 404
    assert Limit.objects.get(payer=OTHER).day_max == Decimal(3)
    assert "Secret agent" not in mine.text(LIMITS)
    assert Client().post(LIMITS, given(OTHER))["Location"].startswith("/account/sign-in")


def in_group(group: LimitGroup, **said: str) -> dict[str, str]:
    """The page's form for one group."""
    return {f"g{group.pk}-{name}": value for name, value in said.items()}


def test_wallets_are_grouped_and_spend_from_one_purse(open_shop: OpenShop) -> None:
    shop = open_shop()
    buyer = owner("both", MINE, OTHER)
    opened = {"new-name": "Research", "new-day_max": "2", "new-listing_day_max": "0.5"}
    assert buyer.client.post(f"{LIMITS}groups/", opened)["Location"] == LIMITS
    group = LimitGroup.objects.get(name="Research")
    for wallet, name in ((MINE, "Scout"), (OTHER, "Diver")):
        buyer.client.post(LIMITS, given(wallet, name=name, group=str(group.pk)))
    day = f"spent:group-{group.pk}:6:{datetime.now(UTC):%Y%m%d}"
    Cap.objects.create(key=day, used_atomic=1_000_000)
    Cap.objects.create(key=f"{day}:listing:{shop.listing.path}", used_atomic=450_000)
    card = buyer.text(LIMITS).split(f'id="group-{group.pk}"')[1].split("<details")[0]
    for said in (
        "Scout",
        "Diver",
        "$1 of $2",
        "50 %",
        f"Today for {shop.listing.path}",
        "90 %",
        "$0.05",
    ):
        assert said in card, said
    buyer.client.post(f"{LIMITS}groups/{group.pk}/pause")
    assert "in Research, which is paused" in buyer.text(LIMITS)
    changed = in_group(group, name="Science", day_max="3")
    buyer.client.post(f"{LIMITS}groups/{group.pk}/", changed)
    group.refresh_from_db()
    assert (group.name, group.paused, group.day_max) == ("Science", False, Decimal(3))
    buyer.client.post(LIMITS, given(OTHER, name="Diver"))
    assert [each.pk for each in group.members.all()] == [MINE]
    buyer.client.post(f"{LIMITS}groups/{group.pk}/close")
    assert not LimitGroup.objects.exists()
    assert Limit.objects.get(payer=MINE).group is None


def test_a_group_that_cannot_be_is_refused_in_words(db: None) -> None:
    buyer = owner()
    buyer.client.post(f"{LIMITS}groups/", {"new-name": "Research"})
    for said in ({"new-name": ""}, {"new-name": "Research"},
                 {"new-name": "Other", "new-day_max": "-1"}):  # fmt: skip
        assert buyer.client.post(f"{LIMITS}groups/", said).status_code == 422, said
    assert LimitGroup.objects.count() == 1


def test_a_group_is_its_accounts_alone(db: None) -> None:
    """Others cannot touch it, nor put a wallet in; and a wallet that is unlinked leaves it."""
    theirs, mine = owner("theirs", OTHER), owner()
    theirs.client.post(f"{LIMITS}groups/", {"new-name": "Secret team"})
    group = LimitGroup.objects.get()
    theirs.client.post(LIMITS, given(OTHER, group=str(group.pk)))
    for address in ("", "pause", "close"):
        answer = mine.client.post(f"{LIMITS}groups/{group.pk}/{address}", {"name": "Mine"})
        assert answer.status_code == 404, address
    assert mine.client.post(LIMITS, given(MINE, group=str(group.pk))).status_code == 422
    assert "Secret team" not in mine.text(LIMITS)
    assert list(group.members.values_list("pk", flat=True)) == [OTHER]
    theirs.user.set_password("kept")  # another way in stays
    theirs.user.save()
    unlink(theirs.user, OTHER)
    assert not group.members.exists()
