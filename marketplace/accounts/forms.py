"""What people type to sign up, to sign in and to change how they do it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.models import User
from django.contrib.auth.password_validation import validate_password
from django.contrib.auth.validators import ASCIIUsernameValidator
from django.core.exceptions import ValidationError

NAME_CHARACTERS_MAX = 40
PASSWORD_CHARACTERS_MAX = 1_000
WRONG = "The name or the password is not right."
ODD_NAME = "Only letters, digits and . _ @ + - and no spaces."
ERASE_WORD = "erase"
TAKEN = "Somebody has this name already."


def _password(label: str, autocomplete: str, hint: str = "") -> forms.CharField:
    attrs = {"autocomplete": autocomplete}
    return forms.CharField(
        label=label,
        help_text=hint,
        max_length=PASSWORD_CHARACTERS_MAX,
        strip=False,
        widget=forms.PasswordInput(attrs=attrs),
    )


def _new_password(label: str) -> forms.CharField:
    hint = "At least 10 characters; a sentence of a few words is good."
    return _password(label, "new-password", hint)


def _name() -> forms.CharField:
    return forms.CharField(
        label="Name",
        help_text="You sign in with it. Letters, digits and . _ @ + -",
        max_length=NAME_CHARACTERS_MAX,
        validators=[ASCIIUsernameValidator(message=ODD_NAME)],
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


def _email() -> forms.EmailField:
    return forms.EmailField(
        label="E-mail",
        required=False,
        max_length=254,
        help_text="For a way back in when the password is lost, and for letters about your"
        " disputes, listings and limits, once you confirmed it. Leave it empty to give none.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class SignInForm(forms.Form):
    name = forms.CharField(
        max_length=150,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )
    password = _password("Password", "current-password")


class SignUpForm(forms.Form):
    name = _name()
    email = _email()
    password = _new_password("Password")

    def clean_name(self) -> str:
        return free_name(self.cleaned_data["name"])

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        someone = User(username=given.get("name", ""), email=given.get("email", ""))
        _judge(self, "password", someone)
        return given


class DetailsForm(forms.Form):
    name = _name()
    email = _email()

    def __init__(self, *args: Any, user: User, **named: Any) -> None:
        super().__init__(*args, **named)
        self.user = user

    def clean_name(self) -> str:
        return free_name(self.cleaned_data["name"], self.user)


class PasswordForm(forms.Form):
    """A new password; whoever has one already shows it first."""

    current = _password("Your present password", "current-password")
    password = _new_password("New password")

    def __init__(self, *args: Any, user: User, **named: Any) -> None:
        super().__init__(*args, **named)
        self.user = user
        if not user.has_usable_password():
            del self.fields["current"]

    def clean(self) -> dict[str, Any]:
        _judge(self, "password", self.user)
        return self.cleaned_data


class ResetForm(forms.Form):
    """A new password for whoever came by letter."""

    password = _new_password("New password")

    def __init__(self, *args: Any, user: User, **named: Any) -> None:
        super().__init__(*args, **named)
        self.user = user

    def clean(self) -> dict[str, Any]:
        _judge(self, "password", self.user)
        return self.cleaned_data


class ForgotForm(forms.Form):
    email = forms.EmailField(
        label="E-mail",
        max_length=254,
        help_text="The one that you gave to this account.",
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class EraseForm(forms.Form):
    """A word that nobody types by mistake."""

    word = forms.CharField(
        label=f"Type “{ERASE_WORD}” to confirm",
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )

    def clean_word(self) -> str:
        word = str(self.cleaned_data["word"])
        if word.strip().casefold() != ERASE_WORD:
            raise ValidationError(f"Type the word {ERASE_WORD}, and nothing else.")
        return word


class CodeForm(forms.Form):
    code = forms.CharField(
        label="Code",
        max_length=40,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "autocapitalize": "none", "spellcheck": "false"}
        ),
    )


def free_name(name: str, user: User | None = None) -> str:
    """A name that nobody else has, in whatever mixture of cases."""
    others = User.objects.filter(username__iexact=name)
    if user is not None:
        others = others.exclude(pk=user.pk)
    if others.exists():
        raise ValidationError(TAKEN)
    return name


def known_spelling(name: str) -> str:
    """A name as its owner writes it: a phone begins it with a capital."""
    known = User.objects.filter(username__iexact=name).values_list("username", flat=True).first()
    return known or name


def _judge(form: forms.Form, field: str, user: User) -> None:
    if given := form.cleaned_data.get(field):
        try:
            validate_password(given, user)
        except ValidationError as weak:
            form.add_error(field, weak)


class DutyLettersForm(forms.Form):
    """Whether letters say what waits for somebody."""

    WANTED, UNWANTED = "daily", "never"

    letters = forms.ChoiceField(
        label="When they come",
        choices=[(WANTED, "Once a day, when something waits"), (UNWANTED, "Never")],
    )
