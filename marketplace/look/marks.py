"""The small marks that stand on a page by the hundred: icons, badges, money, addresses, times.

They are written here and not as templates: a list of 25 rows has 109 of them, and a template each
took two thirds of the time in which the whole page was made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache

from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from marketplace.look import times
from marketplace.look.addresses import SIDE, pattern, short
from marketplace.look.icons import ICONS
from marketplace.look.money import figure_of
from payments.amounts import Amount
from payments.x402.networks import NETWORKS

KEPT = 2_048  # so many marks of a kind are written once and remembered
NOTHING = SafeString("")
_SELECTED = SafeString(" selected")
_TONES = {"good": "✓", "waiting": "…", "bad": "!", "neutral": ""}


@lru_cache(KEPT)
def icon(name: str, label: str = "") -> SafeString:
    """An icon; with a label where no word stands beside it."""
    said = format_html('role="img" aria-label="{}"', label) if label else 'aria-hidden="true"'
    return format_html(
        '<svg class="icon-line" viewBox="0 0 24 24" width="20" height="20" {} focusable="false">'
        '<path d="{}"/></svg>',
        mark_safe(said),  # noqa: S308 - ours, its label escaped above
        ICONS[name],
    )


@lru_cache(KEPT)
def badge(word: str, tone: str, sign: str | None) -> SafeString:
    """Icon, word and colour; never the colour alone."""
    tone = tone if tone in _TONES else "neutral"
    shown = _TONES[tone] if sign is None else sign
    mark = format_html('<span class="badge-icon" aria-hidden="true">{}</span> ', shown)
    return format_html('<span class="badge {}">{}{}</span>', tone, mark if shown else "", word)


@lru_cache(KEPT)  # a listing has few prices, and a list says each of them often
def money(amount: Amount, with_network: bool) -> SafeString:
    """Dollars with the token beside them, and the exact units on a closer look."""
    figure = figure_of(amount)
    token = format_html('{} <span class="soft">{}</span>', figure.dollars, figure.token)
    return format_html(
        '<span class="money"><span class="number" title="{}">{}</span>{}</span>',
        figure.units,
        token if figure.dollars else figure.token,
        _network(figure.network, figure.testnet) if with_network and figure.network else NOTHING,
    )


@lru_cache(KEPT)
def network(key: str) -> SafeString:
    """Which network, and whether it is a test: beside amounts that do not say it themselves."""
    known = NETWORKS.get(key)
    return _network(known.name if known else key, bool(known and known.testnet))


@lru_cache(KEPT)
def _network(name: str, testnet: bool) -> SafeString:
    if testnet:
        return format_html(' <span class="badge test">{}, test network</span>', name)
    return format_html(' <span class="badge">{}</span>', name)


@lru_cache(KEPT)
def address(value: str, explorer: str, full: bool) -> SafeString:
    """An address with its pattern, to be copied whole; a link where an explorer shows it."""
    drawn, name = pattern(value), short(value)
    link = format_html(
        '<a class="aside" href="{}" rel="noreferrer" aria-label="{} in the explorer">{}</a>',
        explorer, name, icon("external"),
    )  # fmt: skip
    shortened = format_html('<code class="short" title="{}">{}</code>', value, name)
    return format_html(
        '<span class="address"><svg class="pattern tint-{}" viewBox="0 0 {} {}" width="20"'
        ' height="20" aria-hidden="true" focusable="false"><path d="{}"/></svg>{}{}{}</span>',
        drawn.tint,
        SIDE,
        SIDE,
        drawn.path,
        format_html("<code>{}</code>", value) if full else shortened,
        _copy(value, name),
        link if explorer else NOTHING,
    )


def ago(when: datetime) -> SafeString:
    """How long ago, and exactly when on a closer look; nothing in it is to be escaped."""
    said = times.ago(when, timezone.now())
    return SafeString(
        f'<time datetime="{when.isoformat()}" title="{times.exact(when)}">{said}</time>'
    )


def options(choices: Mapping[str, str] | Iterable[tuple[str, str]], chosen: str) -> SafeString:
    """What a `<select>` offers."""
    pairs = choices.items() if isinstance(choices, Mapping) else choices
    return format_html_join(
        "", '<option value="{}"{}>{}</option>',
        ((key, _SELECTED if key == chosen else NOTHING, text) for key, text in pairs),
    )  # fmt: skip


def copyable(text: str, label: str) -> SafeString:
    """Something to take along whole, such as an id or a command."""
    return format_html(
        '<span class="copyable"><code title="{}">{}</code>{}</span>',
        text, label, _copy(text, label),
    )  # fmt: skip


def _copy(text: str, label: str) -> SafeString:
    return format_html(
        '<button type="button" class="copy" data-copy="{}" aria-label="Copy {}">{}</button>',
        text, label, icon("copy"),
    )  # fmt: skip
