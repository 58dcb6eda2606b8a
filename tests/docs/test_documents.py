"""The documents say what is: links lead somewhere, commands and settings exist, snippets parse."""

import ast
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from django.core.management import get_commands

from marketplace.configuration.chains import CHAIN_DEFAULTS
from marketplace.configuration.facilitators import FACILITATOR_DEFAULTS

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = ["README.md", "CHANGELOG.md", "CONTRIBUTING.md"] + [
    str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))
]
# manage.py answers these by itself, before any setting is read.
OWN_COMMANDS = {"demo", "test", "lock"}
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"manage\.py ([a-z_]+)")
SETTING = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \|", re.MULTILINE)
SOURCE_FILE = re.compile(r"`((?:marketplace|sellers|payments|tests|templates|static)/[\w/.]+)`")

documents = pytest.mark.parametrize("document", DOCUMENTS)


def read(document: str) -> str:
    return (ROOT / document).read_text(encoding="utf-8")


def blocks(document: str, language: str) -> list[str]:
    return [text for kind, text in BLOCK.findall(read(document)) if kind == language]


def anchors(path: Path) -> set[str]:
    """The headings of a document, as sites that show Markdown name them."""
    text = BLOCK.sub("", path.read_text(encoding="utf-8"))
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each.lower()).replace(" ", "-") for each in headings}


@documents
def test_every_link_leads_somewhere(document):
    here = (ROOT / document).parent
    for target in LINK.findall(BLOCK.sub("", read(document)).replace("\n", " ")):
        if target.startswith("https://"):
            continue
        name, _, anchor = target.partition("#")
        path = here / name if name else ROOT / document
        assert path.exists(), target
        assert not anchor or anchor in anchors(path), target


@documents
def test_every_command_named_exists(document):
    assert set(COMMAND.findall(read(document))) - OWN_COMMANDS - set(get_commands()) == set()


@documents
def test_every_file_named_exists(document):
    missing = [name for name in SOURCE_FILE.findall(read(document)) if not (ROOT / name).exists()]
    assert missing == []


def test_every_setting_explained_is_read():
    readers = re.compile(r'\bread(?:_\w+)?\(\s*"([A-Z][A-Z0-9_]*)"')
    read_by_name = set(readers.findall(read("marketplace/settings.py")))
    keys_of_a_chain = {*CHAIN_DEFAULTS, *FACILITATOR_DEFAULTS}
    explained = set(SETTING.findall(read("docs/operate.md")))
    assert explained - keys_of_a_chain == read_by_name
    assert explained - read_by_name == keys_of_a_chain


@documents
def test_every_snippet_parses(document):
    for source in blocks(document, "python"):
        ast.parse(source)
    for source in blocks(document, "json"):
        json.loads(source)
    for source in blocks(document, "bash"):
        shown = subprocess.run(["bash", "-n"], input=source, capture_output=True, text=True)
        assert shown.returncode == 0, f"{source}\n{shown.stderr}"


@documents
def test_every_javascript_snippet_parses(document, tmp_path):
    for number, source in enumerate(blocks(document, "js")):
        node = shutil.which("node")
        if node is None:
            pytest.skip("JavaScript is parsed by node: apt-get install -y nodejs")
        file = tmp_path / f"{number}.mjs"
        file.write_text(source, encoding="utf-8")
        shown = subprocess.run([node, "--check", str(file)], capture_output=True, text=True)
        assert shown.returncode == 0, shown.stderr


def test_every_version_says_what_an_operator_must_do():
    _, *versions = re.split(r"^## ", read("CHANGELOG.md"), flags=re.MULTILINE)
    assert versions
    for version in versions:
        assert "\nWhat an operator must do\n" in version, version.partition("\n")[0]
