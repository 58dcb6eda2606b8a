"""The life of a listing, and what may be claimed of it at every moment."""

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.models import Q
from django.db.models.functions import Now

from payments.models import AuditEntry, OpenOffer
from sellers import listings, payout_ends, upstream_secrets
from sellers.models import (
    Listing,
    Price,
    ProposedSecret,
    Revision,
    Seller,
    ShelfVersion,
    UpstreamSecret,
)
from sellers.offers import quote
from sellers.on_sale.listing_states import hold
from sellers.price_rows import PriceRow
from sellers.prices import Ask
from sellers.profile.directory import find, open_seller
from sellers.publishing import publish, republish
from sellers.refusals import ListingRefused, Why
from sellers.reviews import judging
from sellers.secrets import Vault
from sellers.terms import Terms
from tests.fixtures.threads import together
from tests.sellers.conftest import BASE, OTHER_WALLET, SEPOLIA, WALLET

pytestmark = pytest.mark.django_db
GRACE = 300
KEY = "0" * 43 + "="


@pytest.fixture
def terms(make_terms):
    return make_terms()


@pytest.fixture
def dearer(make_terms):
    return make_terms(prices=(Ask("0.02", SEPOLIA, WALLET),))


def shelf():
    """The version doors compare with; a test that emptied every table left none."""
    return sum(ShelfVersion.objects.values_list("version", flat=True))


def claimable(listing):
    """What a claim could name now: revision and price of every offer that is open."""
    still = Q(closed_at__isnull=True) | Q(closed_at__gt=Now())
    offers = OpenOffer.objects.filter(still, listing_id=listing.pk).order_by("opened_at", "id")
    return [(bytes(offer.revision_hash), int(offer.amount_atomic)) for offer in offers]


def draft(terms):
    return listings.create_draft(open_seller("acme", "Acme"), "weather", terms)


def in_review(terms):
    return listings.submit(draft(terms).pk)


def live(terms):
    return judging.approve(in_review(terms).pk, terms.content_hash(), grace_seconds=GRACE)


def paused(terms):
    return listings.pause(live(terms).pk)


def suspended(terms):
    return judging.suspend(live(terms).pk, "spam")


def retired(terms):
    return listings.retire(live(terms).pk)


ARRIVE = {
    "draft": draft,
    "in_review": in_review,
    "live": live,
    "paused": paused,
    "suspended": suspended,
    "retired": retired,
}
ACT = {
    "submit": lambda listing, terms: listings.submit(listing.pk),
    "approve": lambda listing, terms: judging.approve(
        listing.pk, terms.content_hash(), grace_seconds=GRACE
    ),
    "refuse": lambda listing, terms: judging.refuse(listing.pk, terms.content_hash(), "no"),
    "withdraw": lambda listing, terms: listings.withdraw(listing.pk),
    "pause": lambda listing, terms: listings.pause(listing.pk),
    "resume": lambda listing, terms: listings.resume(listing.pk),
    "suspend": lambda listing, terms: judging.suspend(listing.pk, "spam"),
    "restore": lambda listing, terms: judging.restore(listing.pk),
    "retire": lambda listing, terms: listings.retire(listing.pk),
}
# What an action makes of a state; what is not written here is refused and changes nothing.
OUTCOMES = {
    ("draft", "submit"): "in_review",
    ("draft", "withdraw"): "draft",
    ("draft", "suspend"): "suspended",
    ("draft", "retire"): "retired",
    ("in_review", "submit"): "in_review",
    ("in_review", "approve"): "live",
    ("in_review", "refuse"): "draft",
    ("in_review", "withdraw"): "draft",
    ("in_review", "suspend"): "suspended",
    ("in_review", "retire"): "retired",
    ("live", "approve"): "live",
    ("live", "withdraw"): "live",
    ("live", "pause"): "paused",
    ("live", "resume"): "live",
    ("live", "suspend"): "suspended",
    ("live", "retire"): "retired",
    ("paused", "approve"): "paused",
    ("paused", "withdraw"): "paused",
    ("paused", "pause"): "paused",
    ("paused", "resume"): "live",
    ("paused", "suspend"): "suspended",
    ("paused", "retire"): "retired",
    ("suspended", "approve"): "suspended",
    ("suspended", "withdraw"): "suspended",
    ("suspended", "suspend"): "suspended",
    ("suspended", "restore"): "paused",
    ("suspended", "retire"): "retired",
    ("retired", "retire"): "retired",
}


@pytest.mark.parametrize("state", ARRIVE)
@pytest.mark.parametrize("action", ACT)
def test_every_state_takes_the_actions_it_takes_and_no_other(state, action, terms):
    listing = ARRIVE[state](terms)
    assert listing.state == state
    expected = OUTCOMES.get((state, action))
    before = Listing.objects.values().get()
    if expected is None:
        with pytest.raises(ListingRefused):
            ACT[action](listing, terms)
        assert Listing.objects.values().get() == before
    else:
        ACT[action](listing, terms)
        assert Listing.objects.get().state == expected
        if expected == state and action != "suspend":
            assert Listing.objects.values().get() == before
    sold = [(terms.content_hash(), 10_000)] if (expected or state) == "live" else []
    assert claimable(listing) == sold


def test_a_listing_never_approved_comes_back_from_suspension_as_a_draft(terms):
    listing = judging.suspend(in_review(terms).pk, "looks odd")
    restored = judging.restore(listing.pk)
    assert (restored.state, restored.submitted_at, restored.reason) == ("draft", None, "")


def test_an_edit_leaves_what_is_live_alone(terms, dearer):
    listing = live(terms)
    version = shelf()
    proposed = listings.submit(listings.propose(listing.pk, dearer).pk)
    assert proposed.state == "live"
    assert claimable(listing) == [(terms.content_hash(), 10_000)]
    assert shelf() == version


def test_approval_opens_the_new_price_and_keeps_the_old_one_for_a_while(terms, dearer):
    listing = live(terms)
    listings.submit(listings.propose(listing.pk, dearer).pk)
    judging.approve(listing.pk, dearer.content_hash(), grace_seconds=GRACE)
    assert claimable(listing) == [
        (terms.content_hash(), 10_000),
        (dearer.content_hash(), 20_000),
    ]
    old, new = OpenOffer.objects.order_by("amount_atomic")
    assert new.closed_at is None
    assert abs((old.closed_at - new.opened_at).total_seconds() - GRACE) < 60


@pytest.mark.parametrize(
    ("said", "seconds", "lasts"),
    [(300, 90, 300), (60, 90, 300), (600, 90, 600), (0, 900, 1_830), (2_000, 900, 2_000)],
)
def test_an_older_price_lasts_as_long_as_what_was_signed_for_it(
    terms, dearer, site, said, seconds, lasts
):
    site = replace(site, price_grace_seconds=said, total_seconds=seconds)
    slow = replace(terms, total_seconds=seconds)
    listing = publish("acme", "weather", slow, site)
    republish(listing, dearer, site)  # which is quicker: the older one's time counts
    older = OpenOffer.objects.get(listing_id=listing.pk, closed_at__isnull=False)
    assert (older.closed_at - older.opened_at).total_seconds() == pytest.approx(lasts, abs=30)
    for offer in quote(slow, map(PriceRow.as_if_open, slow.prices), site):
        assert offer.requirements.max_timeout_seconds <= lasts


def test_no_grace_closes_the_old_price_at_once(terms, dearer):
    listing = live(terms)
    listings.submit(listings.propose(listing.pk, dearer).pk)
    judging.approve(listing.pk, dearer.content_hash(), grace_seconds=0)
    assert claimable(listing) == [(dearer.content_hash(), 20_000)]


def test_another_approval_never_prolongs_an_older_price(terms, dearer, make_terms):
    listing = live(terms)
    republish_as(listing, dearer, grace_seconds=10)
    first = OpenOffer.objects.get(amount_atomic=10_000).closed_at
    republish_as(listing, make_terms(title="Third"), grace_seconds=9_000)
    ended = OpenOffer.objects.filter(revision_hash=terms.content_hash()).get()
    assert ended.closed_at == first


def republish_as(listing, terms, *, grace_seconds=GRACE):
    listings.submit(listings.propose(listing.pk, terms).pk)
    return judging.approve(listing.pk, terms.content_hash(), grace_seconds=grace_seconds)


@pytest.mark.parametrize("stop", ["pause", "suspend", "retire"])
def test_stopping_ends_every_price_at_once_even_those_in_grace(terms, dearer, stop):
    listing = live(terms)
    republish_as(listing, dearer)
    ACT[stop](listing, dearer)
    assert claimable(listing) == []


def test_resuming_sells_the_revision_approved_last(terms, dearer):
    listing = paused(terms)
    republish_as(listing, dearer)
    assert claimable(listing) == []
    listings.resume(listing.pk)
    assert claimable(listing) == [(dearer.content_hash(), 20_000)]


def test_earlier_terms_can_be_approved_again(terms, dearer):
    listing = live(terms)
    republish_as(listing, dearer, grace_seconds=0)
    again = republish_as(listing, terms, grace_seconds=0)
    assert claimable(listing) == [(terms.content_hash(), 10_000)]
    assert again.live_revision.number == 1
    assert Revision.objects.count() == 2


def test_a_moderator_approves_only_what_was_looked_at(terms, dearer):
    listing = in_review(terms)
    listings.submit(listings.propose(listing.pk, dearer).pk)
    with pytest.raises(ListingRefused) as refused:
        judging.approve(listing.pk, terms.content_hash(), grace_seconds=GRACE)
    assert refused.value.why is Why.CHANGED_MEANWHILE


def test_what_no_client_could_send_back_is_not_approved(terms, settings):
    listing, ordinary = in_review(terms), settings.CALL_BASE_URL
    settings.CALL_BASE_URL = "https://market.example/" + "a" * 5_000
    with pytest.raises(ListingRefused, match="clients take 7000"):
        judging.approve(listing.pk, terms.content_hash(), grace_seconds=GRACE)
    assert claimable(listing) == []
    settings.CALL_BASE_URL = ordinary
    judging.approve(listing.pk, terms.content_hash(), grace_seconds=GRACE)
    assert len(claimable(listing)) == 1


def test_an_edit_in_review_goes_back_to_draft(terms, dearer):
    listing = in_review(terms)
    edited = listings.propose(listing.pk, dearer)
    assert (edited.state, edited.submitted_at) == ("draft", None)
    with pytest.raises(ListingRefused) as refused:
        judging.approve(listing.pk, dearer.content_hash(), grace_seconds=GRACE)
    assert refused.value.why is Why.NOT_SUBMITTED


def test_terms_that_are_live_already_are_no_proposal(terms):
    with pytest.raises(ListingRefused) as refused:
        listings.propose(live(terms).pk, terms)
    assert refused.value.why is Why.UNCHANGED


def test_a_withdrawn_change_leaves_nothing_behind_and_what_is_live_alone(terms, dearer):
    listing = live(terms)
    listings.submit(listings.propose(listing.pk, dearer).pk)
    judging.refuse(listing.pk, dearer.content_hash(), "Too dear.")
    upstream_secrets.take_over(listing.pk, {"x-key": "sealed"})
    version = shelf()
    gone = listings.withdraw(listing.pk, by="key:1")
    assert (gone.state, gone.proposed_revision, gone.submitted_at, gone.reason) == (
        "live", None, None, "",
    )  # fmt: skip
    assert not ProposedSecret.objects.exists()
    assert claimable(listing) == [(terms.content_hash(), 10_000)]
    assert shelf() == version
    noted = AuditEntry.objects.latest("sequence")
    assert (noted.actor, noted.act) == ("key:1", "listing.withdrawn")
    listings.withdraw(listing.pk)
    assert AuditEntry.objects.latest("sequence") == noted, "there was nothing to withdraw"


def test_a_withdrawal_keeps_why_the_marketplace_stopped_it(terms, dearer):
    listing = suspended(terms)
    listings.submit(listings.propose(listing.pk, dearer).pk)
    gone = listings.withdraw(listing.pk)
    assert (gone.state, gone.proposed_revision, gone.reason) == ("suspended", None, "spam")


def test_a_first_submission_is_withdrawn_with_its_terms_kept(terms):
    gone = listings.withdraw(in_review(terms).pk)
    assert (gone.state, gone.submitted_at) == ("draft", None)
    assert bytes(gone.proposed_revision.hash) == terms.content_hash()
    assert listings.submit(gone.pk).state == "in_review"


def test_to_propose_what_is_live_takes_back_what_else_was_proposed(terms, dearer):
    listing = live(terms)
    listings.submit(listings.propose(listing.pk, dearer).pk)
    back = listings.propose(listing.pk, terms)
    assert (back.state, back.proposed_revision, back.submitted_at) == ("live", None, None)
    with pytest.raises(ListingRefused) as refused:
        judging.approve(listing.pk, dearer.content_hash(), grace_seconds=GRACE)
    assert refused.value.why is Why.NOT_SUBMITTED


def test_the_operator_publishing_the_same_again_leaves_what_is_proposed(terms, dearer, site):
    listing = live(terms)
    listings.propose(listing.pk, dearer)
    same = republish(listing, terms, site)
    listing.refresh_from_db()
    assert same == listing
    assert bytes(listing.proposed_revision.hash) == dearer.content_hash()


def test_terms_made_again_under_other_limits_of_the_site_are_no_proposal(terms):
    listing = live(terms)
    raised = replace(
        terms, connect_seconds=7.0, first_byte_seconds=80.0, answer_bytes_max=20_000_000
    )
    with pytest.raises(ListingRefused) as refused:
        listings.propose(listing.pk, raised)
    assert refused.value.why is Why.UNCHANGED
    assert listings.propose(listing.pk, replace(raised, total_seconds=80.0)).proposed_revision


def test_a_refusal_tells_the_seller_why_without_hidden_text(terms):
    listing = judging.refuse(in_review(terms).pk, terms.content_hash(), "Bad\u202e example")
    assert listing.reason == "Bad example"
    with pytest.raises(ListingRefused):
        judging.suspend(listing.pk, "\u200b")


def test_a_slug_stays_taken_after_retirement(terms):
    retired(terms)
    with pytest.raises(ListingRefused) as refused:
        draft(terms)
    assert refused.value.why is Why.SLUG_TAKEN
    assert find("acme/weather").state == "retired"


def test_two_sellers_may_use_one_slug(terms):
    draft(terms)
    other = listings.create_draft(open_seller("zenith"), "weather", terms)
    assert other.path == "zenith/weather"


@pytest.mark.parametrize("slug", ["", "A", "a_b", "-a", "a-", "a--b", "a/b", "é", "a\n", "a" * 49])
def test_an_odd_slug_is_refused_here_and_by_the_database(terms, slug):
    seller = open_seller("acme")
    with pytest.raises(ListingRefused):
        listings.create_draft(seller, slug, terms)
    with pytest.raises(ListingRefused):
        open_seller(slug)
    with pytest.raises(IntegrityError), transaction.atomic():
        Listing.objects.create(seller=seller, slug=slug)
    with pytest.raises(IntegrityError), transaction.atomic():
        Seller.objects.create(slug=slug, name="x")


def test_the_shelf_version_rises_with_everything_that_changes_what_is_sold(terms):
    seen = [shelf()]
    listing = draft(terms)
    listings.submit(listing.pk)
    assert shelf() == seen[-1]
    for action in ("approve", "pause", "resume", "suspend", "restore", "resume", "retire"):
        ACT[action](listing, terms)
        seen.append(shelf())
        assert Listing.objects.get().shelf_version == seen[-1]
    assert seen == list(range(seen[0], seen[0] + len(seen)))
    listings.retire(listing.pk)
    assert shelf() == seen[-1]


def test_a_new_secret_is_news_for_the_doors(terms):
    listing = live(terms)
    version = shelf()
    upstream_secrets.keep(listing.pk, "X-Key", "secret", Vault([KEY]))
    assert shelf() == version + 1
    kept = UpstreamSecret.objects.get()
    assert b"secret" not in bytes(kept.sealed)
    assert Vault([KEY]).open(listing.pk, kept.name, kept.sealed) == "secret"


def test_a_listing_is_not_reviewed_before_its_secrets_are_there(make_terms):
    listing = draft(make_terms(secret_headers=["X-Key"]))
    with pytest.raises(ListingRefused, match="x-key"):
        listings.submit(listing.pk)
    upstream_secrets.keep(listing.pk, "X-Key", "secret", Vault([KEY]))
    assert listings.submit(listing.pk).state == "in_review"


@pytest.mark.parametrize("value", ["", "a\r\nEvil: 1", "sécret", " secret", "a" * 3000])
def test_a_secret_that_is_no_header_value_is_refused_without_repeating_it(terms, value):
    with pytest.raises(ListingRefused) as refused:
        upstream_secrets.keep(draft(terms).pk, "X-Key", value, Vault([KEY]))
    assert not value or value not in str(refused.value)


def test_a_revoked_wallet_pauses_all_that_pays_into_it(terms, make_terms):
    elsewhere = make_terms(prices=(Ask("0.01", SEPOLIA, OTHER_WALLET),))
    both = make_terms(prices=(Ask("0.01", SEPOLIA, OTHER_WALLET), Ask("0.01", BASE, WALLET)))
    seller = open_seller("acme")
    for slug, sold in (("a", terms), ("b", elsewhere), ("c", both)):
        listing = listings.create_draft(seller, slug, sold)
        listings.submit(listing.pk)
        judging.approve(listing.pk, sold.content_hash(), grace_seconds=GRACE)
    stopped = payout_ends.revoke(WALLET.lower())
    assert sorted(listing.path for listing in stopped) == ["acme/a", "acme/c"]
    assert find("acme/b").state == "live"
    assert not OpenOffer.objects.filter(pay_to=WALLET, closed_at__isnull=True).exists()
    assert payout_ends.revoke(WALLET) == []


def test_a_revoked_wallet_ends_a_price_that_was_only_in_grace(terms, make_terms):
    listing = live(terms)
    republish_as(listing, make_terms(prices=(Ask("0.01", SEPOLIA, OTHER_WALLET),)))
    payout_ends.revoke(WALLET)
    assert claimable(listing) == []


def test_what_is_stored_is_what_was_approved(terms):
    listing = live(terms)
    revision = Revision.objects.get()
    assert Terms.from_json(revision.terms) == terms
    assert bytes(revision.hash) == Terms.from_json(revision.terms).content_hash()
    price = Price.objects.get()
    offer = OpenOffer.objects.get(listing_id=listing.pk)
    for name in ("network", "scheme", "asset", "pay_to", "amount_atomic"):
        assert getattr(price, name) == getattr(offer, name) == getattr(terms.prices[0], name)


@pytest.mark.parametrize(
    "change",
    [
        "update sellers_revision set terms = '{}'",
        "update sellers_revision set hash = sha256('x')",
        "update sellers_revision set number = 2",
        "delete from sellers_revision",
        "update sellers_price set amount_atomic = 1",
        "delete from sellers_price",
    ],
)
def test_the_database_refuses_to_change_a_revision(terms, change):
    live(terms)
    refused = pytest.raises(DatabaseError, match="never changes")
    with refused, transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "sold"},
        {"state": "live"},
        {"state": "paused"},
        {"state": "in_review"},
        {"submitted_at": Now(), "proposed_revision": None},
    ],
)
def test_the_database_refuses_a_state_that_makes_no_sense(terms, changed):
    listing = draft(terms)
    with pytest.raises(IntegrityError), transaction.atomic():
        Listing.objects.filter(pk=listing.pk).update(**changed)


def test_publishing_in_one_step_is_idempotent(terms, dearer, site):
    listing = publish("acme", "weather", terms, site)
    assert listing.state == "live"
    version = shelf()
    assert republish(find("acme/weather"), terms, site).state == "live"
    assert shelf() == version
    republish(find("acme/weather"), dearer, site)
    assert (dearer.content_hash(), 20_000) in claimable(listing)


def test_a_publication_that_fails_leaves_nothing_behind(terms, site):
    with pytest.raises(ListingRefused):
        publish("acme", "weather", replace(terms, secret_headers=("x-key",)), site)
    assert not Listing.objects.exists()


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("round_number", range(4))
def test_approval_and_pause_at_once_leave_offers_that_fit_the_state(terms, dearer, round_number):
    listing = live(terms)
    listings.submit(listings.propose(listing.pk, dearer).pk)
    together(
        lambda: judging.approve(listing.pk, dearer.content_hash(), grace_seconds=GRACE),
        lambda: listings.pause(listing.pk),
    )
    now = Listing.objects.get()
    assert (now.state, bytes(now.live_revision.hash)) == ("paused", dearer.content_hash())
    assert claimable(listing) == []


@pytest.mark.django_db(transaction=True)
def test_many_hands_leave_one_truth(terms):
    listing = live(terms)
    hands = [lambda: listings.pause(listing.pk), lambda: listings.resume(listing.pk)] * 4
    together(*hands)
    now = Listing.objects.get()
    sold = [(terms.content_hash(), 10_000)] if now.state == "live" else []
    assert claimable(listing) == sold
    assert now.shelf_version == shelf()


@pytest.mark.django_db(transaction=True)
def test_listings_published_at_once_wait_in_no_circle(make_terms):
    seller = open_seller("acme")
    made = [make_terms(title=f"Listing {number}") for number in range(6)]
    drafts = [
        listings.submit(listings.create_draft(seller, f"l{number}", terms).pk)
        for number, terms in enumerate(made)
    ]
    approvals = [
        lambda listing=listing, terms=terms: judging.approve(
            listing.pk, terms.content_hash(), grace_seconds=GRACE
        )
        for listing, terms in zip(drafts, made, strict=True)
    ]
    before = shelf()
    together(*approvals, lambda: payout_ends.revoke(WALLET))
    versions = sorted(Listing.objects.values_list("shelf_version", flat=True))
    assert len(set(versions)) == len(versions)
    assert shelf() >= before + len(made)
    for listing in Listing.objects.all():
        assert bool(claimable(listing)) == (listing.state == "live")


@pytest.mark.django_db(transaction=True)
def test_one_of_two_with_the_same_slug_gets_it(terms):
    seller = open_seller("acme")
    taken = []

    def create():
        try:
            listings.create_draft(seller, "weather", terms)
        except ListingRefused as refused:
            taken.append(refused.why)

    together(create, create, create)
    assert taken == [Why.SLUG_TAKEN] * 2
    assert Listing.objects.count() == Revision.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_whoever_waited_for_a_listing_sees_what_was_done_to_it(terms, dearer):
    """Two approve one after the other; the second was waiting while the first was at it."""
    listing = live(terms)
    listings.propose(listing.pk, dearer)
    listings.submit(listing.pk)
    held, waiting = threading.Event(), threading.Event()

    def first():
        with transaction.atomic():
            judging.approve(listing.pk, dearer.content_hash(), grace_seconds=GRACE)
            held.set()
            assert waiting.wait(30)
        connection.close()

    with ThreadPoolExecutor(2) as both:
        approving = both.submit(first)
        assert held.wait(30)
        holding = both.submit(_live_hash_once_held, listing.pk)
        while not _somebody_waits():
            assert not holding.done()
        waiting.set()
        approving.result(30)
        live_hash = holding.result(30)
    assert live_hash == dearer.content_hash()


def _live_hash_once_held(listing_id):
    try:
        with transaction.atomic():
            locked = hold(listing_id)
            assert locked.live_revision is not None
            return bytes(locked.live_revision.hash)
    finally:
        connection.close()


def _somebody_waits():
    with connection.cursor() as cursor:
        cursor.execute(
            "select count(*) from pg_stat_activity"
            " where datname = current_database() and wait_event_type = 'Lock'"
        )
        return cursor.fetchone()[0] > 0
