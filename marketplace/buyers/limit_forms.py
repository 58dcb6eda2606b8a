"""What a buyer says of a wallet, or of wallets that spend together: amounts, lists, a pause."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from payments.limits.owners import AMOUNTS
from payments.limits.setting import Wishes
from payments.models import Limit, LimitGroup
from sellers.models import Listing, Seller

NAMES_MAX = 100
_NAME = re.compile(r"[a-z0-9-]{1,48}(?:/[a-z0-9-]{1,48})?")


def _amount(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label,
        required=False,
        min_value=Decimal(0),
        max_value=Decimal(10**9),
        decimal_places=6,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )


def _names(label: str, hint: str) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        help_text=hint,
        max_length=10_000,
        widget=forms.Textarea(attrs={"rows": 2, "spellcheck": "false", "autocapitalize": "none"}),
    )


class RulesForm(forms.Form):
    """What is said of a wallet and of a group alike; an empty amount is no limit."""

    paused = forms.BooleanField(label="Pause: nothing is paid for", required=False)
    call_max = _amount("Per call")
    hour_max = _amount("Per hour")
    day_max = _amount("Per day")
    seller_day_max = _amount("Per seller and day")
    listing_day_max = _amount("Per listing and day")
    allowed = _names("Only these", "Sellers or listings, as seller or seller/listing. Empty: all.")
    blocked = _names("Never these", "The same way. Blocked counts before allowed.")

    def clean_allowed(self) -> tuple[str, ...]:
        return _known(self.cleaned_data["allowed"])

    def clean_blocked(self) -> tuple[str, ...]:
        return _known(self.cleaned_data["blocked"])

    @property
    def wishes(self) -> Wishes:
        said = self.cleaned_data
        most = {name: said[name] for name in AMOUNTS}
        return Wishes(said["name"].strip(), said["paused"], most, said["allowed"], said["blocked"])


class LimitsForm(RulesForm):
    """The rules of one wallet."""

    name = forms.CharField(label="What you call it", required=False, max_length=60)
    group = forms.ChoiceField(
        label="Group",
        required=False,
        help_text="Its limits hold for all of its wallets together, beside the ones below.",
    )
    field_order = ("name", "group", "paused")

    def __init__(self, *given: Any, groups: Sequence[LimitGroup], **named: Any) -> None:
        super().__init__(*given, **named)
        self._groups = {str(group.pk): group for group in groups}
        named_groups = [(key, group.name) for key, group in self._groups.items()]
        self.fields["group"].choices = [("", "No group"), *named_groups]  # type: ignore[attr-defined]

    @property
    def chosen_group(self) -> LimitGroup | None:
        return self._groups.get(self.cleaned_data["group"])


class GroupForm(RulesForm):
    """The rules of wallets that spend together."""

    name = forms.CharField(label="What you call the group", max_length=60)
    field_order = ("name", "paused")


class MailForm(forms.Form):
    """When letters are wanted."""

    mail_from = forms.TypedChoiceField(
        label="Letters",
        help_text="Also when a call is refused, unless it is never.",
        coerce=int,
        choices=[
            (50, "At 50, 85 and 100 %"), (85, "At 85 and 100 %"),
            (100, "When a limit is used up"), (0, "Never"),
        ],
    )  # fmt: skip


def initial(row: Limit | LimitGroup | None) -> dict[str, Any]:
    """A form as its row is."""
    if row is None:
        return {}
    amounts = {name: getattr(row, name) for name in AMOUNTS}
    return {
        "name": row.name,
        "group": str(row.group_id or "") if isinstance(row, Limit) else "",
        "paused": row.paused,
        "allowed": "\n".join(row.allowed),
        "blocked": "\n".join(row.blocked),
        **{
            name: None if value is None else f"{value.normalize():f}"
            for name, value in amounts.items()
        },
    }


def _known(text: str) -> tuple[str, ...]:
    """Sellers and listings that there are; a name mistyped would block nothing."""
    names = tuple(dict.fromkeys(text.lower().replace(",", " ").split()))
    if len(names) > NAMES_MAX:
        raise ValidationError(f"At most {NAMES_MAX} names.")
    unknown = [name for name in names if not _NAME.fullmatch(name)]
    sellers = {name.partition("/")[0] for name in names}
    known = set(Seller.objects.filter(slug__in=sellers).values_list("slug", flat=True))
    known |= _paths(sellers)
    unknown += [name for name in names if name not in known and name not in unknown]
    if unknown:
        raise ValidationError(f"Nobody sells as {', '.join(unknown)} here.")
    return names


def _paths(sellers: Iterable[str]) -> set[str]:
    rows = Listing.objects.filter(seller__slug__in=sellers).values_list("seller__slug", "slug")
    return {f"{seller}/{slug}" for seller, slug in rows}
