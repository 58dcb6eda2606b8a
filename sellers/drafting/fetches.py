"""Documents fetched from sellers' addresses as jobs: a worker takes each, its page waits for it.

Those that a seller hands in lie beside them, done already.
"""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db.models.functions import Now

from sellers.addresses import URL_CHARACTERS_MAX, vetted
from sellers.happenings import went_on
from sellers.jobs import jobs
from sellers.models import Fetch, Seller
from sellers.openapi import documents
from sellers.refusals import ListingRefused, bad
from sellers.site import Site

FETCHES_KEPT_MAX = 5  # of one seller
KEPT = timedelta(days=1)
State = Fetch.State


def ask(seller: Seller, url: str, base_url: str, site: Site) -> Fetch:
    """Have a document fetched; an address that is refused is refused at once."""
    url, base_url = url.strip(), base_url.strip()
    if not url or len(url) > URL_CHARACTERS_MAX or len(base_url) > URL_CHARACTERS_MAX:
        raise bad("url", "give an address, a file or the text of a document")
    vetted(url, site)
    _refuse_many(seller, site)
    own = Fetch.objects.filter(seller=seller).order_by("-created_at")
    running = own.filter(due_at__isnull=False, url=url, base_url=base_url).first()
    return running or Fetch.objects.create(seller=seller, url=url, base_url=base_url)


def hand_in(seller: Seller, text: str, url: str, base_url: str, site: Site) -> Fetch:
    """Keep a document that was handed in, so that nobody has to send it twice."""
    if len(url) > URL_CHARACTERS_MAX or len(base_url) > URL_CHARACTERS_MAX:
        raise bad("url", f"an address of at most {URL_CHARACTERS_MAX} characters")
    _refuse_many(seller, site)
    job = Fetch.objects.create(
        seller=seller,
        url=url.strip(),
        base_url=base_url.strip(),
        state=State.GOOD,
        text=text.replace("\0", ""),
        due_at=None,
    )
    _let_go_of_older(job)
    return job


def of(seller: Seller, fetch_id: UUID) -> Fetch | None:
    """A seller's own."""
    return Fetch.objects.filter(seller=seller, pk=fetch_id).first()


def run(fetch_id: UUID, site: Site) -> bool:
    """Take one, unless another worker has it."""
    job = jobs.take(Fetch, fetch_id)
    if job is None:
        return False
    went_on()
    text = why = ""
    if jobs.is_given_up(job):
        why = "it was begun and never finished; try it once more"
    else:
        try:
            text = documents.fetched(job.url, site).replace("\0", "")  # no text of the database's
        except ListingRefused as refused:
            why = refused.message
    state = State.BAD if why else State.GOOD
    Fetch.objects.filter(pk=job.pk).update(state=state, text=text, why=why, due_at=None)
    went_on()
    _let_go_of_older(job)
    return True


def run_due(site: Site) -> int:
    """What a lost bell, or a lost worker, left behind."""
    return sum(run(pk, site) for pk in jobs.due(Fetch))


def forget() -> int:
    """Documents are read at once, or fetched again."""
    return Fetch.objects.filter(created_at__lt=Now() - KEPT).delete()[0]


def _refuse_many(seller: Seller, site: Site) -> None:
    lately = Fetch.objects.filter(seller=seller, created_at__gt=Now() - timedelta(hours=1))
    if lately.count() >= site.looks_hour_max:
        raise bad("url", "that is enough documents for an hour; try again later")


def _let_go_of_older(job: Fetch) -> None:
    done = Fetch.objects.filter(seller=job.seller_id, due_at__isnull=True).order_by("-created_at")
    old = list(done.values_list("pk", flat=True)[FETCHES_KEPT_MAX:])
    Fetch.objects.filter(pk__in=old).update(text="")
