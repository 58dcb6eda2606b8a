"""A buyer's payments as rows of a table.

Written here and not as a template: a page has 25 of them, and nodes of templates took a third of
the time in which all of it was made.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from marketplace.look import marks
from payments.addresses import payment_path
from payments.reports.purchases import Bought

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


def purchase_rows(bought: Iterable[Bought], *, many_wallets: bool) -> SafeString:
    """One row each; whose wallet paid is said where there are several."""
    return format_html_join("\n", _ROW, (_cells(each, many_wallets) for each in bought))


def _cells(bought: Bought, many_wallets: bool) -> tuple[object, ...]:
    to, words = marks.address(bought.pay_to, "", False), bought.words
    return (
        payment_path(bought.id),
        marks.ago(bought.at),
        bought.amount.text,
        _what(bought.title, bought.listing_path),
        "From, to" if many_wallets else "To",
        format_html("{} {}", marks.address(bought.payer, "", False), to) if many_wallets else to,
        marks.badge(words.text, words.tone, words.icon),
        format_html(_TWICE, payment_path(bought.repeats)) if bought.repeats else marks.NOTHING,
        marks.money(bought.amount, with_network=True),
    )


@lru_cache(marks.KEPT)
def _what(title: str, path: str) -> SafeString:
    return format_html('{} <span class="soft small line">{}</span>', title, path)
