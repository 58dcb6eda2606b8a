"""The demo's admin pages: everything to look at, nothing to change, no secret shown."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib import admin
from django.contrib.auth.models import User
from django.test import Client

from payments.admin import ReadOnly


@pytest.fixture
def operator(admin_client: Client, admin_user: User) -> Client:
    """An admin who has shown a code."""
    session = admin_client.session
    session["second_factor"] = str(admin_user.pk)
    session.save()
    return admin_client


def test_every_page_is_read_only() -> None:
    """Also Django's own: people and what they may do are changed where it is written down."""
    shown = {model for model in apps.get_models() if admin.site.is_registered(model)}
    assert shown
    assert all(isinstance(admin.site.get_model_admin(model), ReadOnly) for model in shown)


@pytest.mark.parametrize(
    "page",
    [
        "payments/payment", "payments/progress", "payments/transfer", "payments/broadcast",
        "payments/cap", "payments/loss", "payments/relayer", "payments/chainhealth",
        "payments/gasuse", "sellers/seller",
        "sellers/listing", "sellers/revision", "sellers/price",
    ],
)  # fmt: skip
def test_a_page_answers(operator: Client, page: str) -> None:
    assert operator.get(f"/admin/{page}/").status_code == 200
    assert operator.get(f"/admin/{page}/add/").status_code == 403


def test_nobody_else_gets_in(client: Client) -> None:
    assert client.get("/admin/payments/payment/").status_code == 302
