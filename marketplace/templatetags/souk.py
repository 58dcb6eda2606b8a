"""The words templates speak: `{% load souk %}`, then money, addresses, times, fields, charts."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django import template
from django.forms import BoundField
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from marketplace.look import addresses, charts, fields, money, navigation, themes, times
from marketplace.look.icons import ICONS
from payments.amounts import Amount
from payments.wiring import explorer_url

register = template.Library()

_NAME_LETTERS_MAX = 20
_TONES = {"good": "✓", "waiting": "…", "bad": "!", "neutral": ""}


@register.inclusion_tag("components/money.html", name="money")
def show_money(amount: Amount, badge: bool = True) -> dict[str, Any]:
    """`{% money amount %}`; `{% money amount badge=False %}` where the network is said already."""
    return {"figure": money.figure_of(amount), "badge": badge}


@register.inclusion_tag("components/address.html", name="address")
def show_address(value: str, network: str = "", full: bool = False) -> dict[str, Any]:
    """`{% address value %}`; with a network, a link to its explorer stands beside it.

    `full=True` where all of it is to be read, as on a receipt.
    """
    explorer = explorer_url(network) if network else ""
    return {
        "value": value,
        "short": addresses.short(value),
        "full": full,
        "pattern": addresses.pattern(value),
        "side": addresses.SIDE,
        "explorer": f"{explorer}/address/{value}" if explorer else "",
    }


@register.inclusion_tag("components/copyable.html")
def copyable(text: Any, label: str = "") -> dict[str, str]:
    """`{% copyable text %}`: something to take along whole, such as an id or a command."""
    return {"text": str(text), "label": label or addresses.short(str(text))}


@register.inclusion_tag("components/command.html")
def command(words: str, *arguments: str) -> dict[str, str]:
    """`{% command "curl -i" url %}`: a command to take along; arguments are quoted for a shell."""
    return {"text": " ".join((words, *map(shlex.quote, arguments)))}


@register.filter
def ago(when: datetime | None) -> SafeString | str:
    """`{{ when|ago }}`: how long ago, and exactly when on a closer look."""
    if not when:
        return "never"
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        when.isoformat(),
        times.exact(when),
        times.ago(when, timezone.now()),
    )


@register.filter
def moment(when: datetime | None) -> SafeString | str:
    """`{{ when|moment }}`: exactly when."""
    if not when:
        return "never"
    return format_html('<time datetime="{}">{}</time>', when.isoformat(), times.exact(when))


@register.inclusion_tag("components/field.html", name="field")
def show_field(bound: BoundField, **options: Any) -> dict[str, Any]:
    """`{% field form.price prefix="$" hx_post=url %}`: what is no option becomes an attribute."""
    return {"field": fields.shown(bound, options)}


@register.inclusion_tag("components/badge.html")
def badge(word: str, tone: str = "neutral", icon: str | None = None) -> dict[str, str]:
    """`{% badge "live" "good" %}`: icon, word and colour; never the colour alone."""
    tone = tone if tone in _TONES else "neutral"
    return {"word": word, "tone": tone, "icon": _TONES[tone] if icon is None else icon}


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


@register.inclusion_tag("components/icon.html")
def icon(name: str, label: str = "") -> dict[str, str]:
    """`{% icon "search" %}`; with a label where no word stands beside it."""
    return {"path": ICONS[name], "label": label}


@register.simple_tag(takes_context=True)
def theme(context: template.Context) -> str:
    """The theme to render in; a page made without the request is told it."""
    request = context.get("request")
    if isinstance(request, HttpRequest):
        return themes.theme_of(request)
    return str(context.get("theme", "system"))


def _ways(context: template.Context) -> dict[str, Any]:
    request = context.get("request")
    known = request if isinstance(request, HttpRequest) else None
    return {"ways": navigation.navigation(known), "csrf_token": context.get("csrf_token")}


register.inclusion_tag("components/navigation.html", takes_context=True, name="navigation")(_ways)
register.inclusion_tag("components/section.html", takes_context=True, name="section_navigation")(
    _ways
)


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
    request = context.get("request")
    return {
        "themes": themes.THEMES.items(),
        "chosen": theme(context),
        "next": request.get_full_path() if isinstance(request, HttpRequest) else "/",
        "csrf_token": context.get("csrf_token"),
    }
