"""Prices: dollars as people write them, atomic units as chains count them, never a rounding."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from payments.x402.networks import ZERO_ADDRESS, address_bytes, checksum, read_address
from sellers.refusals import bad
from sellers.site import Site
from sellers.terms import PriceTerms

PRICES_MAX = 4
PRICE_DOLLARS_MAX = Decimal(10_000)
DIGITS_MAX = 30
SCHEME = "exact"


@dataclass(frozen=True, slots=True)
class Ask:
    """What a seller asks for a call: dollars, on a network, to a wallet."""

    dollars: str | Decimal
    network: str
    pay_to: str
    asset: str = ""  # the network's first token when empty


def price(ask: Ask, site: Site) -> PriceTerms:
    """A price that can be published, or a refusal that says what is wrong with it."""
    try:
        accepted = site.accepts(ask.network, ask.asset)
    except ValueError:
        raise bad("asset", "a token's address is 0x and 40 hexadecimal digits") from None
    if accepted is None:
        known = ", ".join(dict.fromkeys(each.asset.network for each in site.accepted)) or "none"
        raise bad("network", f"this site takes payments on: {known}")
    dollars = read_dollars(ask.dollars)
    if dollars < accepted.price_floor:
        raise bad("price", f"at least {accepted.price_floor} dollars on this network")
    if dollars > site.price_max:
        raise bad("price", f"at most {site.price_max} dollars: no more may be unsettled here")
    asset = accepted.asset
    return PriceTerms(
        network=asset.network,
        scheme=SCHEME,
        asset=checksum(address_bytes(asset.address)),
        amount_atomic=atomic(dollars, asset.decimals),
        pay_to=wallet(ask.pay_to, asset.address),
    )


def read_dollars(text: str | Decimal) -> Decimal:
    """Dollars from what was typed, or a refusal."""
    try:
        dollars = Decimal(text)
    except InvalidOperation:
        raise bad("price", "dollars as a decimal number, such as 0.01") from None
    if not dollars.is_finite() or not 0 < dollars <= PRICE_DOLLARS_MAX:
        raise bad("price", f"more than 0 and at most {PRICE_DOLLARS_MAX} dollars")
    if len(dollars.as_tuple().digits) > DIGITS_MAX or not is_short(dollars):
        raise bad("price", f"a price has at most {DIGITS_MAX} digits")
    return dollars


def is_short(number: Decimal) -> bool:
    """Whether it can be written out: 1e-20000 is less than any price, and no database takes it."""
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and abs(exponent) <= DIGITS_MAX


def atomic(dollars: Decimal, decimals: int) -> int:
    """The same amount in a token's smallest unit, exactly."""
    above, below = dollars.as_integer_ratio()
    amount, rest = divmod(above * int(10**decimals), below)
    if rest:
        raise bad("price", f"the token has {decimals} decimals, the price has more")
    return amount


def in_dollars(amount_atomic: int, decimals: int) -> Decimal:
    """Atomic units as dollars, exactly."""
    return Decimal(f"{amount_atomic}e-{decimals}")


def wallet(address: str, token: str) -> str:
    """A wallet's address as wallets show it; a mistyped one is refused by its own capitals."""
    written = read_address(address.strip())
    if written is None:
        raise bad("pay_to", "a wallet's address is 0x and 40 hexadecimal digits")
    digits = address.strip()[2:]
    if digits not in (digits.lower(), digits.upper()) and digits != written[2:]:
        raise bad("pay_to", "the address has a typing mistake: its capitals do not fit it")
    if written == ZERO_ADDRESS:
        raise bad("pay_to", "nobody owns the zero address")
    if written == read_address(token):
        raise bad("pay_to", "this is the token itself; what is sent there is lost")
    return written
