"""A seller's own wallets: what they pay is no trade, wherever it is counted or marked."""

from __future__ import annotations

from payments.wallets.payers import payers_of_account
from payments.x402.networks import address_bytes, checksum
from sellers.models import Payout, Price, Seller
from sellers.payouts.payouts import standing


def own_wallets(seller: Seller) -> set[str]:
    """Every wallet they ever proved or asked to be paid into, and those linked to their account."""
    own = set(Payout.objects.filter(seller=seller).values_list("address", flat=True))
    asked = Price.objects.filter(revision__listing__seller=seller)
    own |= set(asked.values_list("pay_to", flat=True).distinct())
    return {checksum(address_bytes(each)) for each in own | _linked(seller)}


def may_pay_now(seller: Seller) -> set[str]:
    """The stricter set that may try a draft out: wallets whose proof stands, and linked ones."""
    return {payout.address for payout in standing(seller)} | _linked(seller)


def _linked(seller: Seller) -> set[str]:
    return {each.address for each in payers_of_account(seller.owner_id)}
