"""The shelf: what is published is at hand, what changed is dropped, and nothing grows for ever."""

import asyncio
import math
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from decimal import Decimal
from uuid import UUID

import pytest
import pytest_asyncio
from cryptography.fernet import Fernet

from marketplace.calls.shelf import Absent, Place, Shelf, Shelved
from marketplace.calls.stock import Stock
from payments.database.pool import Pool, open_pool
from payments.models import OpenOffer
from payments.x402.headers import encode_json
from sellers import listings, upstream_secrets
from sellers.drafts import finish
from sellers.profile import directory
from sellers.reviews import judging
from sellers.secrets import Vault
from tests.fixtures.storefront import Storefront, in_thread

PATH = "acme/weather"


class CountedStock:
    """The real stock, counting its reads, and holding them back when told to."""

    def __init__(self, stock: Stock) -> None:
        self.stock = stock
        self.reads: list[str] = []
        self.may_read = asyncio.Event()
        self.may_read.set()
        self.has_read = asyncio.Event()
        self.may_return = asyncio.Event()
        self.may_return.set()

    async def read(self, path: str) -> tuple[int, Place]:
        self.reads.append(path)
        await self.may_read.wait()
        found = await self.stock.read(path)
        self.has_read.set()
        await self.may_return.wait()
        return found


@pytest_asyncio.fixture
async def pool(database_url: str) -> AsyncIterator[Pool]:
    opened = await open_pool(database_url, size_max=4)
    yield opened
    await opened.close()


@pytest_asyncio.fixture
async def stock(pool: Pool, storefront: Storefront) -> CountedStock:
    return CountedStock(Stock(pool, storefront.site))


@pytest_asyncio.fixture
async def shelf(pool: Pool, stock: CountedStock) -> Shelf:
    return await shelf_of(pool, stock, entries_max=100)


async def shelf_of(pool: Pool, stock: CountedStock, *, entries_max: int) -> Shelf:
    shelf = Shelf(pool, stock, entries_max=entries_max)
    await shelf.refresh()
    return shelf


async def shelved(shelf: Shelf, path: str = PATH) -> Shelved:
    place = await shelf.get(path)
    assert isinstance(place, Shelved)
    return place


@pytest.mark.parametrize(
    ("seconds", "connect", "first_byte", "total"), [(100, 7, 80, 85), (4, 4, 4, 4)]
)
async def test_what_is_live_has_the_limits_that_the_operator_has_set_since(
    storefront: Storefront,
    pool: Pool,
    seconds: float,
    connect: float,
    first_byte: float,
    total: float,
) -> None:
    """The time of the whole call alone is the seller's, as far as the operator lets it be."""
    await in_thread(storefront.publish, PATH, total_seconds=85)
    site = replace(
        storefront.site, connect_seconds=7, first_byte_seconds=80, total_seconds=seconds,
        answer_bytes_max=20_000_000,
    )  # fmt: skip
    _, place = await Stock(pool, site).read(PATH)
    assert isinstance(place, Shelved)
    limits = place.upstream
    found = (limits.connect_seconds, limits.first_byte_seconds, limits.total_seconds)
    assert found == (connect, first_byte, total)
    assert limits.answer_bytes_max == 20_000_000


async def test_it_reads_a_listing_once(
    storefront: Storefront, shelf: Shelf, stock: CountedStock
) -> None:
    listing = await in_thread(storefront.publish, PATH)
    await shelf.refresh()
    first = await shelved(shelf)
    assert await shelf.get(PATH) is first
    assert shelf.peek(PATH) is first
    assert stock.reads == [PATH]
    assert (first.path, first.listing_id) == (PATH, listing.pk)
    assert first.url == f"{storefront.site.call_base_url}/call/{PATH}"
    assert first.challenge_body == encode_json(first.challenge.to_wire())
    assert [offer.requirements.amount_atomic for offer in first.offers] == [10_000]


async def test_callers_who_miss_together_share_one_read(
    storefront: Storefront, shelf: Shelf, stock: CountedStock
) -> None:
    await in_thread(storefront.publish, PATH)
    await shelf.refresh()
    stock.may_read.clear()
    asking = [asyncio.create_task(shelf.get(PATH)) for _ in range(5)]
    await asyncio.sleep(0)
    asking[0].cancel()  # the one who asked first hangs up
    stock.may_read.set()
    places = await asyncio.gather(*asking[1:])
    assert len({id(place) for place in places}) == 1
    assert isinstance(places[0], Shelved)
    assert stock.reads == [PATH]


async def test_a_new_price_takes_the_old_quote_off_the_shelf(
    storefront: Storefront, shelf: Shelf
) -> None:
    listing = await in_thread(storefront.publish, PATH)
    await shelf.refresh()
    before = await shelved(shelf)
    await in_thread(storefront.revise, listing, title="Better weather")
    assert await shelf.get(PATH) is before
    await shelf.refresh()
    after = await shelved(shelf)
    assert after.terms.title == "Better weather"
    assert [one.revision_hash for one in after.earlier] == [before.revision_hash]
    assert after.revision_hash != before.revision_hash
    found = await shelf.by_hash(PATH, before.revision_hash)
    assert found is not None
    assert found.offers == before.offers


async def test_an_older_price_is_good_as_long_as_its_grace(
    storefront: Storefront, shelf: Shelf
) -> None:
    listing = await in_thread(storefront.publish, PATH)
    await in_thread(storefront.revise, listing, grace_seconds=300, title="Better weather")
    await shelf.refresh()
    live = await shelved(shelf)
    (older,) = live.earlier
    assert live.good_until_unix == math.inf
    assert 0 < older.good_until_unix - time.time() <= 300


async def test_terms_that_come_back_within_their_grace_have_one_price(
    storefront: Storefront, shelf: Shelf
) -> None:
    listing = await in_thread(storefront.publish, PATH)
    await in_thread(storefront.revise, listing, title="Better weather")
    await in_thread(storefront.revise, listing)
    await shelf.refresh()
    live = await shelved(shelf)
    assert live.good_until_unix == math.inf
    assert [await in_thread(is_open_ended, offer.id) for offer in live.offers] == [True]


def is_open_ended(offer: UUID) -> bool:
    return OpenOffer.objects.get(pk=offer).closed_at is None


async def test_an_older_revision_without_grace_is_gone(
    storefront: Storefront, shelf: Shelf
) -> None:
    listing = await in_thread(storefront.publish, PATH)
    await shelf.refresh()
    before = await shelved(shelf)
    await in_thread(storefront.revise, listing, grace_seconds=0, title="Better weather")
    await shelf.refresh()
    after = await shelved(shelf)
    assert after.earlier == ()
    assert await shelf.by_hash(PATH, before.revision_hash) is None
    assert await shelf.by_hash(PATH, after.revision_hash) is after


async def test_what_did_not_change_stays(
    storefront: Storefront, shelf: Shelf, stock: CountedStock
) -> None:
    await in_thread(storefront.publish, PATH)
    other = await in_thread(storefront.publish, "acme/tides")
    await shelf.refresh()
    kept = await shelved(shelf)
    await shelved(shelf, "acme/tides")
    await in_thread(listings.pause, other.pk)
    await shelf.refresh()
    assert await shelf.get(PATH) is kept
    assert await shelf.get("acme/tides") is Absent.CLOSED
    assert stock.reads == [PATH, "acme/tides", "acme/tides"]


async def test_only_what_is_live_is_for_sale(storefront: Storefront, shelf: Shelf) -> None:
    listing = await in_thread(storefront.publish, PATH)
    stages = (
        (listings.pause, (), Absent.CLOSED),
        (judging.suspend, ("it sells nothing",), Absent.CLOSED),
        (judging.restore, (), Absent.CLOSED),
        (listings.resume, (), None),
        (listings.retire, (), Absent.UNKNOWN),
    )
    for change, more, expected in stages:
        await in_thread(change, listing.pk, *more)
        await shelf.refresh()
        place = await shelf.get(PATH)
        assert (place if isinstance(place, Absent) else None) is expected, change.__name__


async def test_a_listing_in_review_does_not_exist_yet(
    storefront: Storefront, shelf: Shelf, stock: CountedStock
) -> None:
    live = await in_thread(storefront.publish, PATH)
    proposed = finish(storefront.draft(title="Proposed weather"), storefront.site)
    await in_thread(listings.propose, live.pk, proposed)
    await in_thread(listings.submit, live.pk)
    await shelf.refresh()
    assert (await shelved(shelf)).terms.title == "City weather"
    assert await shelf.get("acme/nothing") is Absent.UNKNOWN
    assert await shelf.get("acme/nothing") is Absent.UNKNOWN
    assert stock.reads == [PATH, "acme/nothing"]


async def test_publishing_ends_a_remembered_absence(storefront: Storefront, shelf: Shelf) -> None:
    assert await shelf.get(PATH) is Absent.UNKNOWN
    await in_thread(storefront.publish, PATH)
    await shelf.refresh()
    await shelved(shelf)


async def test_a_read_that_a_change_overtook_is_not_kept(
    storefront: Storefront, shelf: Shelf, stock: CountedStock
) -> None:
    listing = await in_thread(storefront.publish, PATH)
    await shelf.refresh()
    stock.may_return.clear()
    slow = asyncio.create_task(shelf.get(PATH))
    await stock.has_read.wait()
    await in_thread(storefront.revise, listing, title="Better weather")
    await shelf.refresh()
    stock.may_return.set()
    old = await slow
    assert isinstance(old, Shelved)
    assert old.terms.title == "City weather"
    assert (await shelved(shelf)).terms.title == "Better weather"


async def test_nothing_is_kept_while_nobody_watches(
    pool: Pool, storefront: Storefront, stock: CountedStock
) -> None:
    await in_thread(storefront.publish, PATH)
    unwatched = Shelf(pool, stock, entries_max=100)
    first = await shelved(unwatched)
    assert await unwatched.get(PATH) is not first


async def test_the_least_recently_asked_for_leaves_first(
    pool: Pool, storefront: Storefront, stock: CountedStock
) -> None:
    for path in ("acme/one", "acme/two", "acme/three"):
        await in_thread(storefront.publish, path)
    small = await shelf_of(pool, stock, entries_max=2)
    await shelved(small, "acme/one")
    await shelved(small, "acme/two")
    await shelved(small, "acme/one")
    await shelved(small, "acme/three")
    assert small.peek("acme/one")
    assert small.peek("acme/two") is None
    assert small.peek("acme/three")


async def test_guessed_paths_push_nothing_out_and_do_not_pile_up(
    pool: Pool, storefront: Storefront, stock: CountedStock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("marketplace.calls.shelf.ABSENT_REMEMBERED_MAX", 3)
    await in_thread(storefront.publish, PATH)
    small = await shelf_of(pool, stock, entries_max=1)
    kept = await shelved(small)
    for guess in range(5):
        assert await small.get(f"acme/guess-{guess}") is Absent.UNKNOWN
    assert await small.get(PATH) is kept
    stock.reads.clear()
    await small.get("acme/guess-4")
    assert stock.reads == []
    await small.get("acme/guess-0")
    assert stock.reads == ["acme/guess-0"]


async def test_an_upstream_gets_its_secret_headers(storefront: Storefront, pool: Pool) -> None:
    site = replace(storefront.site, secrets_keys=(Fernet.generate_key().decode(),))

    def publish() -> None:
        terms = finish(storefront.draft(secret_headers=["X-Api-Key"]), site)
        listing = listings.create_draft(directory.open_seller("acme"), "weather", terms)
        upstream_secrets.keep(listing.pk, "X-Api-Key", "s3cret", Vault(site.secrets_keys))
        listings.submit(listing.pk)
        judging.approve(listing.pk, terms.content_hash(), grace_seconds=0)

    await in_thread(publish)
    _, place = await Stock(pool, site).read(PATH)
    assert isinstance(place, Shelved)
    assert place.upstream.secret_headers == {"x-api-key": "s3cret"}
    lost = replace(site, secrets_keys=(Fernet.generate_key().decode(),))
    assert (await Stock(pool, lost).read(PATH))[1] is Absent.CLOSED


async def test_a_network_this_site_left_is_not_sold_on(storefront: Storefront, pool: Pool) -> None:
    await in_thread(storefront.publish, PATH)
    left = replace(storefront.site, accepted=())
    assert (await Stock(pool, left).read(PATH))[1] is Absent.CLOSED


async def test_what_may_not_be_unsettled_any_more_is_not_sold(
    storefront: Storefront, pool: Pool
) -> None:
    """The operator lowered the limits: every payment for it would be told to wait, for ever."""
    await in_thread(storefront.publish, PATH)
    site = storefront.site
    assert isinstance((await Stock(pool, site).read(PATH))[1], Shelved)
    lowered = replace(site, price_max=Decimal("0.009"))
    assert (await Stock(pool, lowered).read(PATH))[1] is Absent.CLOSED


@pytest.mark.parametrize(("floor", "is_sold"), [("0.01", True), ("0.011", False)])
async def test_what_would_not_pay_for_its_gas_any_more_is_not_sold(
    storefront: Storefront, pool: Pool, floor: str, is_sold: bool
) -> None:
    """The operator raised the floor: also for what was approved before."""
    await in_thread(storefront.publish, PATH)
    accepted = (replace(each, price_floor=Decimal(floor)) for each in storefront.site.accepted)
    raised = replace(storefront.site, accepted=tuple(accepted))
    found = (await Stock(pool, raised).read(PATH))[1]
    assert isinstance(found, Shelved) if is_sold else found is Absent.CLOSED
