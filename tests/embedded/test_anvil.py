"""Finding the demo chain's node: where it is looked for, and what is said when there is none."""

import json
import sys
from pathlib import Path

import pytest

from marketplace.embedded.anvil import MANIFESTS, ChainError, find_anvil

VERSION = json.loads((MANIFESTS / "package.json").read_text())["dependencies"]["@foundry-rs/anvil"]
PYTHON = sys.executable
PLATFORM = "node_modules/@foundry-rs/anvil-linux-amd64/bin"
OLD_GLIBC = "anvil: /lib/libc.so.6: version `GLIBC_2.38' not found (required by anvil)"

NPM = f"""
pathlib.Path("asked.json").write_text(json.dumps(sys.argv[1:]))
assert pathlib.Path("package-lock.json").exists()
folder = pathlib.Path("{PLATFORM}")
folder.mkdir(parents=True)
(folder / "anvil").write_text("#!/bin/sh\\necho anvil Version: 1\\n")
(folder / "anvil").chmod(0o755)
"""


def program(path: Path, body: str) -> Path:
    """A program that does as the test wants."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!{PYTHON}\nimport json, os, pathlib, sys\n{body}")
    path.chmod(0o755)
    return path


def node(path: Path) -> Path:
    return program(path, "print('anvil Version: 1')")


def names_in(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir()]


@pytest.fixture
def path_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH on which there is only what the test puts there."""
    folder = tmp_path / "path"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(sys, "executable", str(tmp_path / "venv" / "python"))
    return folder


def test_the_named_node_comes_before_the_paths(tmp_path: Path, path_folder: Path) -> None:
    node(path_folder / "anvil")
    named = node(tmp_path / "mine")
    assert find_anvil(str(named), tmp_path) == named
    assert find_anvil("", tmp_path) == path_folder / "anvil"


def test_a_named_node_that_is_missing_is_not_replaced(tmp_path: Path, path_folder: Path) -> None:
    node(path_folder / "anvil")
    with pytest.raises(ChainError, match=r"ANVIL_BIN names .*missing .* does not run here"):
        find_anvil(str(tmp_path / "missing"), tmp_path)


def test_a_node_for_a_newer_c_library_is_told_with_its_cure(
    tmp_path: Path, path_folder: Path
) -> None:
    program(path_folder / "anvil", f"sys.exit({OLD_GLIBC!r})")
    with pytest.raises(ChainError, match=r"newer C library .*ANVIL_BIN"):
        find_anvil("", tmp_path)


def test_a_program_that_is_no_node_is_refused(tmp_path: Path, path_folder: Path) -> None:
    program(path_folder / "anvil", "print('Blacksmith 2')")
    with pytest.raises(ChainError, match="Blacksmith 2"):
        find_anvil("", tmp_path)


def test_a_file_for_another_machine_is_refused(tmp_path: Path, path_folder: Path) -> None:
    alien = path_folder / "anvil"
    alien.write_bytes(b"\x7fELF" + bytes(60))
    alien.chmod(0o755)
    with pytest.raises(ChainError, match="does not run here"):
        find_anvil("", tmp_path)


def test_without_npm_it_says_what_to_install(tmp_path: Path, path_folder: Path) -> None:
    with pytest.raises(ChainError, match=r"no npm .*sudo apt install npm.*ANVIL_BIN"):
        find_anvil("", tmp_path / ".souk")
    assert not (tmp_path / ".souk").exists()


def test_npm_fetches_it_once_as_locked(tmp_path: Path, path_folder: Path) -> None:
    npm = program(path_folder / "npm", NPM)
    found = find_anvil("", tmp_path)
    assert found == tmp_path / "node" / f"anvil-{VERSION}" / PLATFORM / "anvil"
    asked = json.loads((tmp_path / "node" / f"anvil-{VERSION}" / "asked.json").read_text())
    assert asked[:2] == ["ci", "--ignore-scripts"]
    npm.unlink()
    assert find_anvil("", tmp_path) == found
    assert names_in(tmp_path / "node") == [f"anvil-{VERSION}"]


def test_the_npm_of_our_own_packages_will_do(tmp_path: Path, path_folder: Path) -> None:
    program(tmp_path / "venv" / "npm", NPM)
    assert find_anvil("", tmp_path).name == "anvil"


@pytest.mark.parametrize("is_writable", [True, False])
def test_npms_cache_stays_here_when_home_is_closed(
    tmp_path: Path, path_folder: Path, monkeypatch: pytest.MonkeyPatch, is_writable: bool
) -> None:
    program(path_folder / "npm", NPM)
    home = tmp_path / "home"
    if is_writable:
        home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    asked = find_anvil("", tmp_path).parents[4] / "asked.json"
    has_own_cache = f"--cache={tmp_path / 'node' / 'cache'}" in json.loads(asked.read_text())
    assert has_own_cache is not is_writable


def test_npms_own_words_are_passed_on(tmp_path: Path, path_folder: Path) -> None:
    complaint = "npm error network request failed\\nnpm error A complete log of this run: x.log"
    program(path_folder / "npm", f'sys.exit("{complaint}")')
    with pytest.raises(ChainError, match=r"needs a network.*npm said: network request failed Or"):
        find_anvil("", tmp_path)
    assert names_in(tmp_path / "node") == []


def test_a_machine_npm_has_no_node_for_is_told(tmp_path: Path, path_folder: Path) -> None:
    program(path_folder / "npm", "")
    with pytest.raises(ChainError, match="no @foundry-rs/anvil for this kind of machine"):
        find_anvil("", tmp_path)


def test_of_two_installations_the_first_one_stays(tmp_path: Path, path_folder: Path) -> None:
    # While this npm works, another start finishes the same installation.
    first = tmp_path / "node" / f"anvil-{VERSION}" / PLATFORM
    program(
        path_folder / "npm",
        f"{NPM}\nother = pathlib.Path({str(first)!r})\nother.mkdir(parents=True)\n"
        "(other / 'anvil').write_bytes((folder / 'anvil').read_bytes())\n"
        "(other / 'anvil').chmod(0o755)\n(other / 'first').touch()\n",
    )
    assert (find_anvil("", tmp_path).parent / "first").exists()
    assert names_in(tmp_path / "node") == [f"anvil-{VERSION}"]


def test_the_lock_pins_content_and_names_no_place_to_get_it_from() -> None:
    packages = json.loads((MANIFESTS / "package-lock.json").read_text())["packages"]
    del packages[""]
    assert {package["version"] for package in packages.values()} == {VERSION}
    assert not any("resolved" in package for package in packages.values())
    for pinned in ("@foundry-rs/anvil", "@foundry-rs/anvil-linux-amd64"):
        assert packages[f"node_modules/{pinned}"]["integrity"].startswith("sha512-")
