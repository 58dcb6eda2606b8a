"""The words templates speak: `{% load souk %}`, then money, addresses, times, fields, charts."""

from __future__ import annotations

import re
import shlex
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from django import template
from django.forms import BoundField
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from marketplace.look import (
    addresses,
    charts,
    fields,
    markdown,
    marks,
    navigation,
    purchases,
    themes,
    times,
)
from payments.addresses import payment_path
from payments.amounts import Amount, grouped
from payments.reports.bought import Bought
from payments.wiring.networks import explorer_url
from sellers.market import goods

register = template.Library()

_NAME_LETTERS_MAX = 20
_LINKED = re.compile(r"docs/operate\.md(?:, “([^”]+)”)?|(?<=\bat )/moderation/(?:disputes/)?")


@register.simple_tag(name="money")
def show_money(amount: Amount, badge: bool = True) -> SafeString:
    """`{% money amount %}`; `{% money amount badge=False %}` where the network is said already."""
    return marks.money(amount, with_network=badge)


@register.simple_tag(name="network")
def show_network(network: str) -> SafeString:
    """`{% network sums.network %}`: where the amounts beside it are, and whether it is a test."""
    return marks.network(network)


@register.simple_tag(name="address")
def show_address(value: str, network: str = "", full: bool = False) -> SafeString:
    """`{% address value %}`; with a network, a link to its explorer stands beside it.

    `full=True` where all of it is to be read, as on a receipt.
    """
    explorer = explorer_url(network) if network else ""
    return marks.address(str(value), f"{explorer}/address/{value}" if explorer else "", full)


@register.simple_tag
def copyable(text: Any, label: str = "") -> SafeString:
    """`{% copyable text %}`: something to take along whole, such as an id or a command."""
    return marks.copyable(str(text), label or addresses.short(str(text)))


@register.inclusion_tag("components/command.html")
def command(words: str, *arguments: str) -> dict[str, str]:
    """`{% command "curl -i" url %}`: a command to take along; arguments are quoted for a shell."""
    return {"text": " ".join((words, *map(shlex.quote, arguments)))}


@register.simple_tag(name="purchase_rows")
def show_purchases(
    bought: Sequence[Bought], many_wallets: bool, on_sale: Collection[str] = ()
) -> SafeString:
    """`<tbody>{% purchase_rows rows many_wallets on_sale %}</tbody>`: what somebody bought, a row
    each."""
    return purchases.purchase_rows(bought, many_wallets=many_wallets, on_sale=on_sale)


@register.simple_tag
def listing_on_sale(path: str) -> str:
    """`{% listing_on_sale path as href %}`: where a listing can be bought; nothing where it is not
    for sale any more."""
    return reverse("listing", args=path.split("/")) if goods.on_sale([path]) else ""


@register.filter(name="payment_path")
def show_payment_path(payment_id: UUID | str) -> str:
    """`{{ id|payment_path }}`: where the payment's page is."""
    return payment_path(payment_id)


@register.filter
def ago(when: datetime | None) -> SafeString | str:
    """`{{ when|ago }}`: how long ago, and exactly when on a closer look."""
    return marks.ago(when) if when else "never"


@register.filter
def moment(when: datetime | None) -> SafeString | str:
    """`{{ when|moment }}`: exactly when."""
    if not when:
        return "never"
    return format_html('<time datetime="{}">{}</time>', when.isoformat(), times.exact(when))


@register.simple_tag(name="options")
def show_options(
    choices: Mapping[str, str] | Iterable[tuple[str, str]], chosen: str = ""
) -> SafeString:
    """`<select …>{% options choices chosen %}</select>`."""
    return marks.options(choices, chosen)


@register.filter
def with_code(text: str) -> SafeString:
    """`{{ fix|with_code }}`: what stands in backticks is a command, and a section of the guide, or
    a page where people decide, a link to it."""
    parts = enumerate(text.split("`"))
    return format_html_join(
        "", "{}", ((format_html("<code>{}</code>", part) if number % 2 else _with_links(part),)
                   for number, part in parts),
    )  # fmt: skip


def _with_links(text: str) -> SafeString:
    """`docs/operate.md, “Backups”` leads there, and so does `at /moderation/`."""
    pieces: list[SafeString | str] = []
    end = 0
    for found in _LINKED.finditer(text):
        href = found[0] if found[0].startswith("/") else _section(found[1])
        pieces += [text[end : found.start()], format_html('<a href="{}">{}</a>', href, found[0])]
        end = found.end()
    return format_html_join("", "{}", ((piece,) for piece in (*pieces, text[end:])))


def _section(heading: str | None) -> str:
    guide = reverse("guide", args=["operate"])
    return f"{guide}#{markdown.anchor(heading)}" if heading else guide


@register.filter
def plain(amount: Decimal) -> str:
    """`{{ sum|plain }}`: dollars without empty digits, their thousands apart."""
    return grouped(f"{amount.normalize():f}")


@register.filter(name="grouped")
def show_grouped(text: str) -> str:
    """`{{ amount.text|grouped }}`: an amount that is words already, its thousands apart."""
    return grouped(text)


@register.simple_tag
def when_told(of: str, by: str = "#live", throttle: str = "") -> str:
    """`hx-trigger="{% when_told "payment" %}"`: the stream tells of a change, or the last asking
    failed and nothing else would be told."""
    told = f"{of} from:{by} throttle:{throttle}" if throttle else f"{of} from:{by}"
    return f"{told}, htmx:response:error from:self delay:5s, htmx:error from:self delay:5s"


@register.filter
def lasting(seconds: float) -> str:
    """`{{ seconds|lasting }}`: how long something goes on."""
    return times.lasting(seconds)


@register.inclusion_tag("components/field.html", name="field")
def show_field(bound: BoundField, **options: Any) -> dict[str, Any]:
    """`{% field form.price prefix="$" hx_post=url %}`: what is no option becomes an attribute."""
    return {"field": fields.shown(bound, options)}


@register.simple_tag
def badge(word: Any, tone: str = "neutral", icon: str | None = None) -> SafeString:
    """`{% badge "live" "good" %}`: icon, word and colour; never the colour alone."""
    return marks.badge(str(word), tone, icon)


@register.inclusion_tag("components/bars.html")
def bars(chart: Any) -> dict[str, charts.Drawing]:
    """`{% bars chart %}`; marketplace/look/charts.py says what a chart is."""
    return {"chart": charts.draw(chart)}


@register.inclusion_tag("components/area.html")
def area(chart: Any) -> dict[str, charts.Drawing]:
    """`{% area chart %}`: the same, as a line over a filled ground."""
    return {"chart": charts.draw(chart)}


@register.inclusion_tag("components/sparkline.html")
def sparkline(values: Sequence[Any], label: str) -> dict[str, Any]:
    """`{% sparkline values "Calls in 7 days" %}`: a line as small as a word."""
    return {"line": charts.spark(values), "label": label, "values": values}


@register.simple_tag
def icon(name: str, label: str = "") -> SafeString:
    """`{% icon "search" %}`; with a label where no word stands beside it."""
    return marks.icon(name, label)


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """The theme to render in; a page made without the request is told it."""
    if request := _request(context):
        return themes.theme_of(request)
    return str(context.get("theme", "system"))


@register.inclusion_tag("components/navigation.html", takes_context=True, name="navigation")
def show_navigation(context: template.Context) -> dict[str, Any]:
    """The ways that every page shows."""
    ways = navigation.navigation(_request(context))
    return {"ways": ways, "csrf_token": context.get("csrf_token")}


@register.inclusion_tag("components/section.html", takes_context=True, name="section_navigation")
def show_section(context: template.Context) -> dict[str, Any]:
    """The ways within the section that a page belongs to."""
    return {"ways": navigation.section(_request(context))}


def _request(context: template.Context) -> HttpRequest | None:
    request = context.get("request")
    return request if isinstance(request, HttpRequest) else None


@register.simple_tag
def short_name(name: str) -> str:
    """A user's name in the little room of the header."""
    name = addresses.short(name)
    return name if len(name) <= _NAME_LETTERS_MAX else f"{name[: _NAME_LETTERS_MAX - 1]}…"


@register.filter
def tone(level: str) -> str:
    """The tone of one of Django's messages."""
    return {"success": "good", "warning": "waiting", "error": "bad"}.get(level, "neutral")


@register.inclusion_tag("components/theme.html", takes_context=True)
def theme_form(context: template.Context) -> dict[str, Any]:
    """The form that changes the theme."""
    request = _request(context)
    return {
        "themes": themes.THEMES.items(),
        "chosen": theme(context),
        "next": request.get_full_path() if request else "/",
        "csrf_token": context.get("csrf_token"),
    }
