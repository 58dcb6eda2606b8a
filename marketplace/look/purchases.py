"""A buyer's payments as rows of a table.

Written here and not as a template: a page has 25 of them, and nodes of templates took a third of
the time in which all of it was made. What stands in a row is markup already, which its type says,
so that nothing is looked at a second time for what would have to be escaped.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from functools import lru_cache

from django.urls import reverse
from django.utils.html import escape, format_html
from django.utils.safestring import SafeString

from marketplace.look import marks
from payments.addresses import payment_path
from payments.amounts import Amount
from payments.reports.bought import Bought

_ROW = (
    '<tr><th scope="row"><a href="{}">{}<span class="unseen">, receipt of {}</span></a></th>'
    '<td data-label="What"><div>{}</div></td>'
    '<td data-label="{}"><div>{}</div></td>'
    '<td data-label="State"><div>{}{}</div></td>'
    '<td class="number" data-label="Amount">{}</td></tr>'
)
_TWICE = (
    ' <p class="small waiting">Paid twice? The <a href="{}">same request</a> was paid less than a'
    " minute before.</p>"
)
_FROM_TO, _TO = SafeString("From, to"), SafeString("To")


def purchase_rows(
    bought: Iterable[Bought], *, many_wallets: bool, on_sale: Collection[str] = ()
) -> SafeString:
    """One row each; whose wallet paid is said where there are several, and what of these paths is
    still on sale leads there."""
    cells = (_cells(each, many_wallets, each.listing_path in on_sale) for each in bought)
    return SafeString("\n".join([_ROW.format(*each) for each in cells]))


def _cells(bought: Bought, many_wallets: bool, is_on_sale: bool) -> tuple[SafeString, ...]:
    to, words = marks.address(bought.pay_to, "", False), bought.words
    return (
        SafeString(payment_path(bought.id)),
        marks.ago(bought.at),
        _units(bought.amount),
        _what(bought.title, bought.listing_path, is_on_sale),
        _FROM_TO if many_wallets else _TO,
        format_html("{} {}", marks.address(bought.payer, "", False), to) if many_wallets else to,
        marks.badge(words.text, words.tone, words.icon),
        format_html(_TWICE, payment_path(bought.repeats)) if bought.repeats else marks.NOTHING,
        marks.money(bought.amount, with_network=True),
    )


@lru_cache(marks.KEPT)
def _units(amount: Amount) -> SafeString:
    return escape(amount.text)


@lru_cache(marks.KEPT)
def _what(title: str, path: str, is_on_sale: bool) -> SafeString:
    if not is_on_sale:
        return format_html('{} <span class="soft small line">{}</span>', title, path)
    href = reverse("listing", args=path.split("/"))
    return format_html('{} <a class="soft small line" href="{}">{}</a>', title, href, path)
