"""The wallets that sellers are paid into: shown to be theirs by a signature, taken back at once.

The rules about them that a listing must keep are here; they are asked before one changes.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone

from payments.audit_log import SYSTEM, record
from payments.wallets import linking
from payments.wallets.linking import Proof, Purpose
from payments.x402.networks import chain_id_of, read_address
from sellers.models import Payout, Revision, Seller
from sellers.news.payouts import tell_proven
from sellers.refusals import ListingRefused, Why, bad

PAYOUTS_MAX = 20


def question(seller: Seller, address: str, network: str = "") -> str:
    """The text that a wallet signs to show that this seller may be paid into it."""
    spelled = read_address(address.strip())
    if spelled is None:
        raise bad("address", "a wallet's address is 0x and 40 hexadecimal digits")
    chain_id = chain_id_of(network) if network else None
    return linking.challenge(Purpose.PAYOUT, spelled, subject=seller.slug, chain_id=chain_id)


def prove(seller: Seller, text: str, signature: str, *, by: str = SYSTEM) -> Payout:
    """Write a wallet down whose owner signed for it; a second proof changes nothing."""
    signed = linking.as_written(text)
    try:
        proof = linking.proven(signed, signature.strip(), Purpose.PAYOUT, subject=seller.slug)
        with transaction.atomic():
            linking.burn(proof)
            return _kept(seller, proof, signed, signature, by)
    except linking.NotProven:
        message = "this signature does not fit the text, or the text is too old; sign a new one"
        raise bad("signature", message) from None
    except linking.CannotAsk:
        message = "this wallet is a contract, and its chain does not answer now; try again later"
        raise bad("signature", message) from None


def _kept(seller: Seller, proof: Proof, text: str, signature: str, by: str) -> Payout:
    Seller.objects.select_for_update().get(pk=seller.pk)  # two tabs prove one wallet
    known = vouched(standing(seller), proof.address, proof.network)
    if known is not None:
        return known
    if seller.payouts.count() >= PAYOUTS_MAX:
        raise bad("address", f"you have proven {PAYOUTS_MAX} wallets; that is all there can be")
    said = {"text": text, "signature": signature}
    payout = Payout.objects.create(
        seller=seller, address=proof.address, network=proof.network, proof=said
    )
    proven = {"wallet": proof.address, "network": proof.network}
    record(by, "payout.proven", f"seller:{seller.pk}", after=proven)
    tell_proven(payout)
    return payout


def standing(seller: Seller) -> list[Payout]:
    """The wallets a seller vouches for now, the first proven first."""
    return list(seller.payouts.filter(revoked_at__isnull=True).order_by("proven_at", "pk"))


def vouched(payouts: Iterable[Payout], address: str, network: str) -> Payout | None:
    """The proof by which a price on this network may pay into this wallet."""
    return next(
        (each for each in payouts if each.address == address and each.counts_on(network)), None
    )


def wallets_of(seller_id: UUID, network: str) -> set[str]:
    """Every wallet a seller ever showed to be theirs there: whoever pays back from one is them."""
    proven = Payout.objects.filter(seller_id=seller_id, network__in=("", network))
    return set(proven.values_list("address", flat=True))


def strike(seller: Seller, address: str) -> bool:
    """Vouch for a wallet no more; `payout_ends.revoke` stops what pays into it."""
    standing_ones = seller.payouts.filter(address=address, revoked_at__isnull=True)
    return bool(standing_ones.update(revoked_at=timezone.now()))


def refuse_unproven(seller: Seller, revision: Revision) -> None:
    """Refuse a price that pays into a wallet nobody showed to be theirs.

    Sellers whom the operator's commands opened have no owner, and the operator's word instead.
    """
    if seller.owner_id is None:
        return
    known = standing(seller)
    for network, address in sorted(_paid_into(revision)):
        if vouched(known, address, network) is None:
            raise ListingRefused(
                Why.PAYOUT_UNPROVEN, f"nobody has signed for the wallet {address} yet", "pay_to"
            )


def changed_at(seller: Seller, revision: Revision, live: Revision | None) -> datetime | None:
    """When the newest wallet that this revision would bring in was proven.

    None when no wallet changes, or when the listing was never live: then nothing can be stolen.
    """
    if live is None or seller.owner_id is None:
        return None
    known, before = standing(seller), {address for _, address in _paid_into(live)}
    proofs = [
        vouched(known, address, network)
        for network, address in _paid_into(revision)
        if address not in before
    ]
    return max((proof.proven_at for proof in proofs if proof), default=None)


def refuse_fresh(
    seller: Seller, revision: Revision, live: Revision | None, cooldown_seconds: int
) -> None:
    """Refuse a payout wallet on a live listing that was proven only just now."""
    proven = changed_at(seller, revision, live)
    if proven is None:
        return
    end = proven + timedelta(seconds=cooldown_seconds)
    if timezone.now() < end:
        raise ListingRefused(
            Why.PAYOUT_FRESH,
            f"the payout wallet changes and was proven only now; wait until {end:%d %B %H:%M} UTC",
            "pay_to",
        )


def pays_elsewhere(revision: Revision, live: Revision | None) -> bool:
    """Whether money for what is sold would go into another wallet than it does now."""
    if live is None:
        return False
    before, after = _paid_into(live), _paid_into(revision)
    networks, wallets = {n for n, _ in before}, {wallet for _, wallet in before}
    new = after - before
    return any(network in networks or wallet not in wallets for network, wallet in new)


def _paid_into(revision: Revision) -> set[tuple[str, str]]:
    return {(price["network"], price["pay_to"]) for price in revision.terms["prices"]}
