"""A form's field with all that belongs to it: label, hint, control, errors, and who reads what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.utils.safestring import SafeString


@dataclass(frozen=True, slots=True)
class Shown:
    """A field as the template writes it."""

    bound: BoundField
    control: SafeString
    label: str
    hint: str
    hint_id: str
    errors_id: str
    kind: str  # "group" of choices, "check" with its label behind, or "line"
    prefix: str
    suffix: str


def shown(bound: BoundField, options: dict[str, Any]) -> Shown:
    """Wire a field; what `options` has besides label, hint, prefix and suffix are attributes."""
    label = str(options.pop("label", bound.label))
    hint = str(options.pop("hint", bound.help_text or ""))
    prefix, suffix = str(options.pop("prefix", "")), str(options.pop("suffix", ""))
    name = bound.id_for_label or bound.auto_id or bound.html_name
    hint_id, errors_id = f"{name}-hint", f"{name}-errors"
    attributes = {key.replace("_", "-"): value for key, value in options.items()}
    said = [hint_id] * bool(hint) + [errors_id] * bool(bound.errors)
    if said:
        attributes["aria-describedby"] = " ".join(said)
    if bound.errors:
        attributes["aria-invalid"] = "true"
        if _is_first_wrong(bound):
            attributes.setdefault("autofocus", True)
    control = bound.as_widget(attrs=attributes)
    return Shown(bound, control, label, hint, hint_id, errors_id, _kind(bound), prefix, suffix)


def _is_first_wrong(bound: BoundField) -> bool:
    return next((each.name for each in bound.form if each.errors), "") == bound.name


def _kind(bound: BoundField) -> str:
    widget = bound.field.widget
    if isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        return "group"
    return "check" if isinstance(widget, CheckboxInput) else "line"
