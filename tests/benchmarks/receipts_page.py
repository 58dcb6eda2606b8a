"""Run as `python -m tests.benchmarks.receipts_page`: how long a buyer's receipts take to make.

Its database is in DATABASE_URL; a set that is not there is made first. Prints JSON.
"""

from __future__ import annotations

import sys
from typing import Any

from tests.benchmarks.pages import made_listings, open_site, signed_in_figures, tell

TURNS = 40
NAME, LISTINGS = "ten", 10
ADDRESSES = {
    "first page": "/buy/",
    "one state": "/buy/?state=final",
    "spend": "/buy/spend/?period=90d",
}


def main() -> int:
    open_site()
    from django.contrib.auth.models import User

    user = User.objects.filter(username=NAME).first() or make()
    tell(signed_in_figures(user, ADDRESSES, TURNS))
    return 0


def make() -> Any:
    """The set, and whoever holds the wallet; the account stands for a set that is whole."""
    from django.conf import settings
    from django.contrib.auth.models import User
    from django.utils import timezone

    from marketplace.accounts.models import Wallet
    from tests.benchmarks import ten_million

    ten_million.fill(settings.DATABASE_URL, *made_listings(NAME, LISTINGS))
    user = User.objects.create_user(NAME)
    Wallet.objects.create(address=ten_million.WALLET, user=user, linked_at=timezone.now())
    return user


if __name__ == "__main__":
    sys.exit(main())
