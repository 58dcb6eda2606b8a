"""Run as `python -m tests.benchmarks.earnings_page`: how long the earnings page takes to make.

Its database is in DATABASE_URL; a set that is not there is made first. Prints JSON.
"""

from __future__ import annotations

import sys

from tests.benchmarks.pages import made_listings, open_site, signed_in_figures, tell

TURNS = 40
ADDRESSES = {
    "first view": "/sell/earnings/",
    "all time": "/sell/earnings/?period=all",
    "one state": "/sell/earnings/?state=paid_unanswered&period=90d",
}


def main() -> int:
    open_site()
    from django.contrib.auth.models import User

    from sellers.profile.directory import give_to
    from tests.benchmarks import million_sales

    rate = 0.0
    user = User.objects.filter(username=million_sales.SELLER).first()
    if user is None:  # who stands for a set that is whole
        rate = make()
        user = User.objects.create_user(million_sales.SELLER)
        give_to(million_sales.SELLER, user)
    counted = {"counted, payments/s": rate} if rate else {}
    tell(counted | signed_in_figures(user, ADDRESSES, TURNS))
    return 0


def make() -> float:
    """The set: a seller, listings, a million payments, and their sums."""
    from django.conf import settings

    from tests.benchmarks import million_sales
    from tests.fixtures.cast import Cast

    seller, listings = made_listings(million_sales.SELLER, million_sales.LISTINGS)
    million_sales.fill(settings.DATABASE_URL, seller, listings, Cast.seller.address)
    return million_sales.count(settings.DATABASE_URL)


if __name__ == "__main__":
    sys.exit(main())
