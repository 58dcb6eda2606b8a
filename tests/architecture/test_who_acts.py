"""The audit log knows who acted, because nobody may forget to say so."""

from pathlib import Path

from tests.architecture.acting import violations
from tests.architecture.test_import_order import plant


def test_every_act_says_who_acts(checkout: Path) -> None:
    assert violations(checkout) == []


def test_the_rule_sees_a_caller_who_does_not_say(tmp_path: Path) -> None:
    files = {
        "sellers/listings.py": "def pause(listing_id, *, by='system'): ...",
        "sellers/pages.py": "from sellers import listings\nlistings.pause(1, by='x')",
        "payments/a.py": "from sellers.listings import pause as stop\nstop(1)",
        "sellers/b.py": "from sellers import listings\n\nlistings.pause(1)",
    }
    plant(tmp_path, files)
    assert sorted(violations(tmp_path)) == [
        "payments/a.py:2 calls stop and does not say who acts",
        "sellers/b.py:3 calls listings.pause and does not say who acts",
    ]
