"""The order of the rooms holds in the tree, and the check that says so can fail."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.import_rules import circle, violations, without_a_line
from tests.architecture.tree import modules


def plant(root: Path, files: dict[str, str]) -> Path:
    for path, text in files.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    return root


def test_nothing_imports_upwards_or_sideways(checkout):
    assert violations(checkout) == []


def test_everything_in_payments_stands_in_a_line(checkout):
    assert without_a_line(checkout) == []


def test_nothing_in_sellers_goes_round(checkout):
    assert circle(checkout, "sellers") == []


def test_a_planted_circle_is_found(tmp_path):
    around = {
        "sellers/offers.py": "from sellers.market.goods import Goods",
        "sellers/market/goods.py": "def read():\n    from sellers import terms",
        "sellers/terms.py": "from sellers.offers import quote",
    }
    found = circle(plant(tmp_path, around), "sellers")
    assert set(found) == {"sellers.offers", "sellers.market", "sellers.terms"}


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("payments/ledger.py", "import sellers.models"),
        ("payments/ledger.py", "from sellers import models"),
        ("sellers/offers.py", "from marketplace.calls import paid_call"),
        ("sellers/offers.py", "from marketplace import settings"),
        ("marketplace/calls/paid_call.py", "from marketplace.gateway.app import App"),
        ("marketplace/gateway/app.py", "import marketplace.catalog"),
        ("marketplace/gateway/app.py", "from marketplace import urls"),
        ("payments/x402/types.py", "from payments import ids"),
        ("payments/x402/types.py", "import payments.models"),
        ("payments/chains/evm.py", "from payments.egress import open_client"),
        ("payments/chains/evm.py", "from payments.models import Payment"),
        ("payments/chains/evm.py", "from payments.x402.schemes import SCHEMES"),
        ("payments/ids.py", "def make():\n    import payments.states"),
        ("payments/models/payment.py", "from payments import tasks"),
        ("payments/states.py", "from payments.settling.settlement import step"),
        ("payments/relaying/relayer.py", "from payments import acceptance"),
        ("payments/relaying/relayer.py", "from payments.relaying import settling"),
        ("payments/relaying/settling.py", "from payments import acceptance"),
        ("payments/live/wakeups.py", "from payments.tasks import ring"),
        ("payments/x402/headers.py", "import time"),
        ("payments/x402/headers.py", "from random import choice"),
        ("payments/x402/headers.py", "import django.conf"),
        ("payments/chains/evm.py", "from django.conf import settings"),
        ("payments/egress/clients.py", "import django"),
        (
            "payments/x402/types.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import payments.models",
        ),
    ],
)
def test_a_planted_import_is_found(tmp_path, path, line):
    names = ["ids", "tasks", "states", "settlement", "acceptance", "models", "relaying/settling"]
    known = {f"payments/{name}.py": "" for name in names}
    assert len(violations(plant(tmp_path, known | {path: line}))) == 1


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("marketplace/asgi.py", "from marketplace.gateway.app import App"),
        ("marketplace/gateway/app.py", "from marketplace.calls import paid_call"),
        ("marketplace/catalog/views.py", "from sellers import listings"),
        ("marketplace/catalog/views.py", "from marketplace.catalog import documents"),
        ("sellers/offers.py", "from payments.x402.types import Requirements"),
        ("payments/acceptance/claiming.py", "from payments.moves import move"),
        ("payments/chains/evm.py", "from payments.x402.types import Call"),
        ("payments/x402/headers.py", "import json"),
    ],
)
def test_what_the_order_allows_is_let_through(tmp_path, path, line):
    assert violations(plant(tmp_path, {path: line})) == []


def test_the_pure_rooms_load_without_django(checkout):
    pure = ("payments.x402", "payments.chains", "payments.egress", "payments.ids")
    names = [module.name for module in modules(checkout) if module.name.startswith(pure)]
    assert names
    program = f"""
import importlib, sys
for name in {names!r}:
    importlib.import_module(name)
print(*sorted(set(sys.modules) & {{"django", "celery", "redis", "web3"}}))
"""
    said = subprocess.run(
        [sys.executable, "-c", program], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == ""


def test_the_package_of_money_is_empty_on_top(checkout):
    assert (checkout / "payments" / "__init__.py").read_text() == ""
