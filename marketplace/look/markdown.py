"""The guides' Markdown as HTML: as much of it as they use, and nothing that is not escaped."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.html import escape
from django.utils.safestring import SafeString

_HOLE = "\x00"
_HEADING = re.compile(r"(#{1,4}) (.+)")
_ITEM = re.compile(r"(?:[-*]|(\d+)\.) (.*)")
_CODE = re.compile(r"`([^`]+)`")
_BOLD = re.compile(r"\*\*(.+?)\*\*")
_EMPHASIS = re.compile(r"(?<![\w*])\*([^*\s][^*]*)\*(?![\w*])")
_LINK = re.compile(r"\[([^\]]+)\]\(((?:https://|/|#)[^\s)\"]*|[\w./-]+\.md(?:#[\w-]+)?)\)")
_PICTURE = re.compile(r"!\[[^\]]*\]\(pictures/[\w.-]+\)")  # of a page, which is at hand here
_GUIDE = re.compile(r"([a-z]+)\.md(#[\w-]+)?")


@dataclass(frozen=True, slots=True)
class Guide:
    """A document ready for its page."""

    title: str
    html: SafeString
    headings: tuple[tuple[str, str], ...]  # anchor and words of each second heading


def read(text: str, guides: frozenset[str]) -> Guide:
    """Turn a document of ours into a page; links to other guides stay on this site."""
    lines = text.splitlines()
    title = next((line[2:] for line in lines if line.startswith("# ")), "")
    html = "\n".join(_blocks([line for line in lines if line != f"# {title}"], guides))
    headings = re.findall(r'<h2 id="([^"]+)">(.+)</h2>', html)
    return Guide(title, SafeString(html), tuple((at, SafeString(words)) for at, words in headings))


def anchor(words: str) -> str:
    """The name of a heading, as sites that show Markdown make it."""
    return re.sub(r"[^\w\- ]", "", words.lower()).replace(" ", "-")


def _blocks(lines: list[str], guides: frozenset[str]) -> Iterator[str]:
    place = 0
    while place < len(lines):
        line = lines[place]
        end = place + 1
        if line.startswith("```"):
            while end < len(lines) and not lines[end].startswith("```"):
                end += 1
            yield f"<pre><code>{escape(chr(10).join(lines[place + 1 : end]))}</code></pre>"
            end += 1
        elif heading := _HEADING.fullmatch(line):
            level, words = len(heading[1]), heading[2]
            yield f'<h{level} id="{escape(anchor(words))}">{_inline(words, guides)}</h{level}>'
        elif line.strip() and not _PICTURE.fullmatch(line):
            while end < len(lines) and _goes_on(line, lines[end]):
                end += 1
            yield _block(lines[place:end], guides)
        place = end


def _goes_on(first: str, line: str) -> bool:
    if not line.strip() or line.startswith(("```", "#")):
        return False
    if first.startswith("|"):
        return line.startswith("|")
    return bool(_ITEM.match(first)) or not (_ITEM.match(line) or line.startswith("|"))


def _block(lines: list[str], guides: frozenset[str]) -> str:
    if lines[0].startswith("|"):
        return _table(lines, guides)
    first = _ITEM.match(lines[0])
    if first is None:
        return f"<p>{_inline(' '.join(lines), guides)}</p>"
    items: list[str] = []
    for line in lines:
        if item := _ITEM.match(line):
            items.append(item[2])
        else:
            items[-1] += f" {line.strip()}"
    kind = "ol" if first[1] else "ul"
    inside = "".join(f"<li>{_inline(item, guides)}</li>" for item in items)
    return f"<{kind}>{inside}</{kind}>"


def _table(lines: list[str], guides: frozenset[str]) -> str:
    head, _, *rows = (
        [_inline(cell.strip().replace("\\|", "|"), guides) for cell in _cells(line)]
        for line in lines
    )
    top = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return (
        '<div class="table-room" tabindex="0" role="group" aria-label="Table"><table><thead><tr>'
        f"{top}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _cells(line: str) -> list[str]:
    return re.split(r"(?<!\\)\|", line.strip().strip("|"))


def _inline(text: str, guides: frozenset[str]) -> str:
    """Code is taken out first and put back last: nothing inside it means anything else."""
    parts = _CODE.split(text.replace(_HOLE, ""))
    html: str = escape(_HOLE.join(parts[::2]))
    html = _LINK.sub(lambda link: _link(link[1], link[2], guides), html)
    html = _EMPHASIS.sub(r"<em>\1</em>", _BOLD.sub(r"<strong>\1</strong>", html))
    codes = iter(parts[1::2])
    return re.sub(_HOLE, lambda _: f"<code>{escape(next(codes))}</code>", html)


def _link(words: str, target: str, guides: frozenset[str]) -> str:
    guide = _GUIDE.fullmatch(target)
    if guide and guide[1] in guides:
        target = f"/docs/{guide[1]}{guide[2] or ''}"
    elif target.endswith(".md") or ".md#" in target:
        return words  # a document that is for those who have the source
    return f'<a href="{target}">{words}</a>'
