"""The rules of the house hold in the tree, and the check that says so can fail."""

import re
from pathlib import Path

import pytest

from tests.architecture.house_rules import check, unfinished
from tests.architecture.test_import_order import plant

SHIPPED = ("marketplace", "sellers", "payments", "templates", "static")


def test_the_tree_keeps_the_rules(checkout):
    assert check(checkout) == []


def test_nothing_shipped_is_marked_unfinished(checkout):
    assert unfinished(checkout, SHIPPED) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("payments/states.py", "import os\nX = os.environ['X']"),
        ("payments/states.py", "import os\nX = os.environ.get('X')"),
        ("payments/states.py", "import os\nX = os.getenv('X')"),
        ("payments/states.py", "import os\nX = {**os.environ}"),
        ("marketplace/settings.py", "import os\nX = os.environ['X']"),
        ("marketplace/configuration/chains.py", "import os\nX = os.environ['X']"),
        ("marketplace/embedded/x.py", "from os import environ\nX = environ['X']"),
        ("payments/models/payment.py", "from django.conf import settings"),
        ("sellers/drafting/forms.py", "def long():\n" + "    x = 1\n" * 60),
        ("sellers/drafting/forms.py", "try:\n    x = 1\nexcept Exception:\n    pass"),
        ("sellers/drafting/forms.py", "try:\n    x = 1\nexcept:\n    pass"),
        (
            "sellers/drafting/forms.py",
            "try:\n    x = 1\nexcept (ValueError, BaseException):\n    pass",
        ),
        ("sellers/drafting/forms.py", "with contextlib.suppress(Exception):\n    x = 1"),
        ("sellers/upstreams/probes.py", "import httpx"),
        ("sellers/upstreams/probes.py", "from urllib import request"),
        ("sellers/upstreams/probes.py", "from urllib.request import urlopen"),
        ("sellers/upstreams/probes.py", "from http import client"),
        ("sellers/upstreams/probes.py", "import requests.sessions"),
        ("sellers/upstreams/probes.py", "session = aiohttp.ClientSession()"),
        ("sellers/upstreams/probes.py", "session = ClientSession()"),
        ("sellers/upstreams/probes.py", "web3 = Web3(Web3.HTTPProvider(url))"),
        ("payments/settling/settlement.py", "account = Account.from_key(key)"),
        ("payments/settling/settlement.py", "from coincurve import PrivateKey"),
        ("sellers/utils.py", ""),
        ("payments/common/money.py", ""),
    ],
)
def test_a_planted_breach_is_found(tmp_path, path, text):
    assert len(check(plant(tmp_path, {path: text}))) == 1


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("marketplace/configuration/readers.py", "import os\nX = os.environ['X']"),
        ("marketplace/asgi.py", "import os\nos.environ.setdefault('X', 'y')"),
        ("marketplace/embedded/x.py", "import os\nos.environ['X'] = 'y'"),
        ("payments/wiring/keys.py", "from django.conf import settings"),
        ("sellers/drafting/forms.py", "def short():\n" + "    x = 1\n" * 59),
        ("payments/settling/settler.py", "try:\n    x = 1\nexcept Exception:\n    pass"),
        (
            "sellers/drafting/forms.py",
            "try:\n    x = 1\nexcept BaseException:\n    x = 2\n    raise",
        ),
        ("payments/egress/clients.py", "session = aiohttp.ClientSession()"),
        ("payments/chains/evm.py", "def f(client: aiohttp.ClientSession): ..."),
        ("payments/relaying/relayer.py", "account = Account.from_key(key)"),
        ("sellers/upstreams/probes.py", "from urllib.parse import quote"),
    ],
)
def test_what_the_rules_allow_is_let_through(tmp_path, path, text):
    assert check(plant(tmp_path, {path: text})) == []


def test_a_planted_mark_is_found(tmp_path):
    planted = plant(tmp_path, {"sellers/drafting/forms.py": "x = 1  # TO" + "DO: later"})
    assert len(unfinished(planted, ("sellers",))) == 1


def test_every_setting_is_documented(checkout):
    names = settings_read_in(checkout / "marketplace" / "settings.py")
    documented = set(re.findall(r"`([A-Z][A-Z0-9_]*)`", operate(checkout)))
    assert names
    assert names - documented == set()


def test_every_setting_is_named_in_the_one_file(checkout):
    files = sorted((checkout / "marketplace" / "configuration").glob("*.py"))
    assert files
    assert {name for file in files for name in settings_read_in(file)} == set()


def settings_read_in(file: Path) -> set[str]:
    return set(re.findall(r'\bread(?:_\w+)?\(\s*"([A-Z][A-Z0-9_]*)"', file.read_text()))


def operate(checkout) -> str:
    return (checkout / "docs" / "operate.md").read_text()
