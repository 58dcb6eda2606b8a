"""The operator's deny list: a file, read again when it changes."""

from __future__ import annotations

from pathlib import Path

from payments import denials
from payments.denials import DenyList
from tests.fixtures.cast import Cast


def test_an_address_in_the_file_is_denied_in_any_spelling(tmp_path: Path, cast: type[Cast]) -> None:
    listed = tmp_path / "denied.txt"
    listed.write_text(f"# sanctioned\n{cast.attacker.address.lower()}  # since May\n\nnonsense\n")
    denied = DenyList(str(listed))

    assert cast.attacker.address in denied
    assert cast.buyer.address not in denied


def test_it_is_read_again_when_it_changes(
    tmp_path: Path, cast: type[Cast], monkeypatch: object
) -> None:
    listed = tmp_path / "denied.txt"
    listed.write_text("")
    denied = DenyList(str(listed))
    assert cast.attacker.address not in denied

    listed.write_text(cast.attacker.address)
    denied._looked_at -= denials.LOOK_AGAIN_SECONDS
    assert cast.attacker.address in denied


def test_a_file_that_vanishes_leaves_the_last_list_in_force(
    tmp_path: Path, cast: type[Cast]
) -> None:
    listed = tmp_path / "denied.txt"
    listed.write_text(cast.attacker.address)
    denied = DenyList(str(listed))
    assert cast.attacker.address in denied

    listed.unlink()
    denied._looked_at -= denials.LOOK_AGAIN_SECONDS
    assert cast.attacker.address in denied


def test_without_a_file_nobody_is_denied(cast: type[Cast]) -> None:
    assert cast.attacker.address not in DenyList("")
