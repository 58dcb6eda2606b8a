"""The operator's deny list: a file, read again when it changes."""

from __future__ import annotations

from pathlib import Path

import pytest

from payments import denials
from payments.denials import DenyList, ListUnread
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


def test_what_is_no_text_any_more_leaves_the_last_list_in_force(
    tmp_path: Path, cast: type[Cast]
) -> None:
    listed = tmp_path / "denied.txt"
    listed.write_text(cast.attacker.address)
    denied = DenyList(str(listed))
    assert denied.insist() == 1

    listed.write_bytes(b"\xff" * 42)
    denied._looked_at -= denials.LOOK_AGAIN_SECONDS
    assert cast.attacker.address in denied


def test_all_of_a_good_list_is_taken_at_the_start(tmp_path: Path, cast: type[Cast]) -> None:
    listed = tmp_path / "denied.txt"
    listed.write_text(f"# sanctioned\n{cast.attacker.address}\n\n{cast.buyer.address}  # too\n")
    assert DenyList(str(listed)).insist() == 2
    assert DenyList("").insist() == 0


@pytest.mark.parametrize(
    ("holds", "said"),
    [
        (None, "No such file"),
        (b"\xff\xfe", "it is no text"),
        (b"# sanctioned\n0x12\n", "line 2 of"),
        (b"0x00000000000000000000000000000000DeaDBeef,\n", "line 1 of"),
    ],
)
def test_a_list_that_cannot_be_read_is_refused_at_the_start(
    tmp_path: Path, holds: bytes | None, said: str
) -> None:
    listed = tmp_path / "denied.txt"
    if holds is not None:
        listed.write_bytes(holds)
    with pytest.raises(ListUnread, match=said):
        DenyList(str(listed)).insist()


def test_without_a_file_nobody_is_denied(cast: type[Cast]) -> None:
    assert cast.attacker.address not in DenyList("")
