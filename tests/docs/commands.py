"""Every command that is named to somebody, and whether its own parser would take it."""

from __future__ import annotations

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from celery.bin.celery import celery
from django.core.management import get_commands, load_command_class
from django.core.management.base import CommandError

OURS = "python3 manage.py "
# manage.py takes these before Django does; the first two have a parser of their own.
BEFORE_DJANGO = {"test", "lock"}
_BLOCK = re.compile(r"^```\w*\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_TICKED = re.compile(r"`([^`\n]+)`")


def in_backticks(text: str) -> list[str]:
    """The commands of a sentence."""
    return _TICKED.findall(text)


def outside_backticks(text: str) -> str:
    return _TICKED.sub("", text)


def trouble(command: str) -> str:
    """Why nobody could run this as it stands; nothing for what is no command of ours."""
    words = shlex.split(command, comments=True)
    if words[:3] == ["celery", "--app", "marketplace"]:
        return "" if words[3] in celery.commands else f"celery has no {words[3]}"
    if words[:2] != OURS.split():
        return ""
    name, arguments = (words[2] if len(words) > 2 else ""), _own(words[3:])
    if name in BEFORE_DJANGO:
        return ""
    app = get_commands().get(name)
    if app is None:
        return f"there is no command {name!r}"
    known = load_command_class(app, name) if isinstance(app, str) else app
    parser = known.create_parser("manage.py", name)
    parser.called_from_command_line = False  # it raises, and does not leave
    try:
        parser.parse_args(arguments)
    except CommandError as refused:
        return str(refused)
    return ""


def _own(words: list[str]) -> list[str]:
    """Up to where a shell goes on by itself."""
    ends = [
        place for place, word in enumerate(words) if word in {"|", ">", ">>", "&&", ";", "<", "&"}
    ]
    return words[: min(ends, default=len(words))]


def of_document(path: Path) -> Iterator[str]:
    """The commands of a guide's blocks; a line that goes on is one."""
    for block in _BLOCK.findall(path.read_text(encoding="utf-8")):
        for line in block.replace("\\\n", " ").splitlines():
            said = line.strip().removeprefix("$ ")
            if said.startswith(OURS):
                yield said


def of_sources(folder: Path) -> Iterator[tuple[str, str]]:
    """Every text in these files that names a command, with its place; a value in it is `x`."""
    for file in sorted(folder.rglob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        joined = {id(part) for each in ast.walk(tree) if isinstance(each, ast.JoinedStr)
                  for part in each.values}  # fmt: skip
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr):
                parts = (
                    str(part.value) if isinstance(part, ast.Constant) else "x"
                    for part in node.values
                )  # fmt: skip
                text = "".join(parts)
            elif isinstance(node, ast.Constant) and id(node) not in joined:
                text = node.value if isinstance(node.value, str) else ""
            else:
                continue
            if "manage.py " in text:
                yield f"{file.name}:{node.lineno}", text
