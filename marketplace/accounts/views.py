"""Signing up, in and out, and the page of an account."""

from __future__ import annotations

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import authenticate, logout, update_session_auth_hash
from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.forms import Form
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from marketplace.access import (
    acting,
    came_lately,
    is_moderator,
    person,
    signed_in,
    signed_in_lately,
)
from marketplace.accounts import (
    duty_wishes,
    erasure,
    familiar,
    linking,
    mail,
    passwords,
    second_factor,
    sessions,
    throttle,
)
from marketplace.accounts.entrance import back_of, enter
from marketplace.accounts.forms import (
    TAKEN,
    WRONG,
    DetailsForm,
    DutyLettersForm,
    PasswordForm,
    SignInForm,
    SignUpForm,
    known_spelling,
)
from marketplace.accounts.models import Wallet


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in(request: HttpRequest) -> HttpResponse:
    """Sign in with a wallet or with a password."""
    again = "again" in request.GET
    if request.method != "POST":
        if request.user.is_authenticated and not again:
            return redirect(back_of(request))
        return _sign_in_page(request, SignInForm())
    form = SignInForm(request.POST)
    if not form.is_valid():
        return _sign_in_page(request, form, 422)
    # As its owner writes it, for the count too: the database takes "admın" for "ADMIN".
    name = known_spelling(form.cleaned_data["name"])
    mark = familiar.mark_of(request, name)
    if not throttle.may_sign_in(request, name, mark):
        form.add_error(None, throttle.TOO_OFTEN)
        return _sign_in_page(request, form, 429)
    user = authenticate(request, username=name, password=form.cleaned_data["password"])
    if not isinstance(user, User):
        form.add_error(None, WRONG)
        return _sign_in_page(request, form, 422)
    throttle.signed_in(request, name, mark)
    return redirect(enter(request, user, back_of(request)))


@never_cache
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest) -> HttpResponse:
    """Make an account with a name and a password; a wallet makes one by signing in."""
    form = SignUpForm(request.POST or None)
    if request.method != "POST":
        return _sign_up_page(request, form)
    if not form.is_valid():
        return _sign_up_page(request, form, 422)
    if not throttle.may_sign_up(request):
        form.add_error(None, throttle.TOO_MANY_ACCOUNTS)
        return _sign_up_page(request, form, 429)
    given = form.cleaned_data
    try:
        with transaction.atomic():
            user = User.objects.create_user(given["name"], given["email"], given["password"])
            if given["email"] and throttle.may_ask_for_reset(request, given["email"]):
                mail.ask_to_confirm(user)
    except IntegrityError:
        form.add_error("name", TAKEN)
        return _sign_up_page(request, form, 422)
    return redirect(enter(request, user, back_of(request)))


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    """Sign out in this browser."""
    logout(request)
    return redirect("account-sign-in")


@signed_in
@require_safe
def home(request: HttpRequest) -> HttpResponse:
    """The account: how one gets in, and where one is signed in."""
    return _home_page(request)


@signed_in_lately
@require_POST
def details(request: HttpRequest) -> HttpResponse:
    """Change name and e-mail."""
    user = person(request)
    form = DetailsForm(request.POST, user=user)
    if not form.is_valid():
        return _home_page(request, form, 422)
    name, email = form.cleaned_data["name"], form.cleaned_data["email"]
    is_new = email != user.email
    if is_new and email and not throttle.may_ask_for_reset(request, email):
        form.add_error("email", throttle.TOO_OFTEN)
        return _home_page(request, form, 429)
    user.username, user.email = name, email
    try:
        with transaction.atomic():
            user.save(update_fields=("username", "email"))
            if is_new:
                mail.note_changed(user)
                mail.ask_to_confirm(user)
    except IntegrityError:
        form.add_error("name", TAKEN)
        return _home_page(request, form, 422)
    messages.success(request, "Saved.")
    return redirect("account-home")


@signed_in_lately
@sensitive_post_parameters()
@require_http_methods(["GET", "HEAD", "POST"])
def password(request: HttpRequest) -> HttpResponse:
    """Set a password, or another one; every other browser is signed out."""
    user = person(request)
    form = PasswordForm(request.POST or None, user=user)
    if request.method != "POST":
        return render(request, "accounts/password.html", {"form": form})
    if not form.is_valid():
        return render(request, "accounts/password.html", {"form": form}, status=422)
    if "current" in form.fields:
        present = request.session.session_key or ""
        if not throttle.may_sign_in(request, user.username, present):
            form.add_error("current", throttle.TOO_OFTEN)
        elif not user.check_password(form.cleaned_data["current"]):
            form.add_error("current", "This is not your present password.")
        if form.errors:
            return render(request, "accounts/password.html", {"form": form}, status=422)
        throttle.signed_in(request, user.username, present)
    passwords.set_password(user, form.cleaned_data["password"], by=acting(request))
    update_session_auth_hash(request, user)
    sessions.end_all(user, but=request.session.session_key)
    messages.success(request, "The password is set. Every other browser is signed out.")
    passwords.tell_of_keys(request, user)
    return redirect("account-home")


@signed_in
@require_POST
def end_session(request: HttpRequest) -> HttpResponse:
    """Sign another browser out."""
    name = request.POST.get("name", "")
    sessions.end(person(request), name, but=request.session.session_key)
    messages.success(request, "That browser is signed out.")
    return redirect("account-home")


@signed_in
@require_POST
def end_sessions(request: HttpRequest) -> HttpResponse:
    """Sign out everywhere, here too."""
    sessions.end_all(person(request))
    logout(request)
    return redirect("account-sign-in")


def _sign_in_page(request: HttpRequest, form: Form, status: int = 200) -> HttpResponse:
    context = {"form": form, "next": back_of(request), "again": "again" in request.GET}
    return render(request, "accounts/sign_in.html", context, status=status)


def _sign_up_page(request: HttpRequest, form: Form, status: int = 200) -> HttpResponse:
    context = {"form": form, "next": back_of(request)}
    return render(request, "accounts/sign_up.html", context, status=status)


def _home_page(request: HttpRequest, form: Form | None = None, status: int = 200) -> HttpResponse:
    user = person(request)
    given = {"name": user.username, "email": user.email}
    wish = DutyLettersForm.WANTED if duty_wishes.wants(user) else DutyLettersForm.UNWANTED
    context = {
        "form": form or DetailsForm(initial=given, user=user),
        "came_lately": came_lately(request),
        "wallets": Wallet.objects.filter(user=user).order_by("linked_at"),
        "may_unlink": linking.ways_in(user) > 1,
        "has_password": user.has_usable_password(),
        "has_second_factor": second_factor.is_enrolled(user),
        "codes_left": second_factor.codes_left(user),
        "needs_second_factor": is_moderator(user),
        "duty_letters": DutyLettersForm(initial={"letters": wish}),
        "visits": sessions.visits(request, user),
        "sends_mail": settings.SENDS_MAIL,
        "erasure": erasure.asked_of(user),
        "mail": user.email,
        "mail_is_confirmed": mail.is_confirmed(user),
    }
    return render(request, "accounts/home.html", context, status=status)
