"""A form's field: what explains it and what is wrong with it belong to its control."""

from __future__ import annotations

import re

from django import forms
from django.template import Context, Template

from marketplace.look.samples import SampleForm


def page(form: forms.Form, tag: str) -> str:
    return Template("{% load souk %}{% field " + tag + " %}").render(Context({"form": form}))


def attribute(html: str, name: str) -> str:
    found = re.search(rf'\s{name}="([^"]*)"', html)
    return found[1] if found else ""


def test_a_field_has_a_label_and_its_hint_is_read_with_it() -> None:
    html = page(SampleForm(), "form.title")

    assert attribute(html, "for") == attribute(html, "name").join(("id_", ""))
    assert 'id="id_title-hint"' in html
    assert "id_title-hint" in attribute(html, "aria-describedby")
    assert "autofocus" not in html


def test_what_is_wrong_is_read_with_it_and_the_first_wrong_field_is_where_one_lands() -> None:
    form = SampleForm({"title": "", "url": "x"})

    first, second = page(form, "form.title"), page(form, "form.url")

    assert attribute(first, "aria-describedby").split() == ["id_title-hint", "id_title-errors"]
    assert 'aria-invalid="true"' in first
    assert 'id="id_title-errors"' in first
    assert ("autofocus" in first, "autofocus" in second) == (True, False)


def test_choices_are_a_group_with_its_name() -> None:
    html = page(SampleForm({}), "form.release")

    assert html.startswith("<fieldset")
    assert "<legend>Release</legend>" in html
    assert 'id="id_release-errors"' in html
    assert 'aria-describedby="id_release-errors"' in html


def test_other_options_become_attributes_of_the_control() -> None:
    html = page(
        SampleForm(), 'form.price prefix="$" hint="Per call." hx_post="/x" hx_trigger="change"'
    )

    assert '<span class="affix" aria-hidden="true">$</span>' in html
    assert "Per call." in html
    assert (attribute(html, "hx-post"), attribute(html, "hx-trigger")) == ("/x", "change")


def test_what_was_typed_is_kept_and_stays_text() -> None:
    html = page(SampleForm({"title": '"><b>hello'}), "form.title")

    assert "<b>" not in html
    assert "hello" in html
