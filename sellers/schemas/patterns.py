"""How long a seller's `pattern` may keep the door busy: the worst case is counted beforehand.

Python's engine tries the ways a pattern can match one after the other. In the subset taken here
(no look-around, no back-reference) the number of ways has a bound that is known from the pattern
and from the longest text it is shown, so a pattern is refused by arithmetic, not by a stopwatch.
"""

from __future__ import annotations

import re
from functools import lru_cache

PATTERN_CHARACTERS_MAX = 200
REPEAT_MAX = 1000
BEYOND_COUNTING = 10**9
_TOKEN = re.compile(
    r"""(?P<escape>\\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[dDwWsSbBtnrfv]|[^0-9A-Za-z]))
      | (?P<set>\[\^?(?:
            \\(?:x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|[dDwWsStnrfv]|[^0-9A-Za-z])|[^\]\\\[])+\])
      | (?P<open>\(\?:|\((?!\?))
      | (?P<close>\))
      | (?P<bar>\|)
      | (?P<repeat>(?:[*+?]|\{(?P<least>[0-9]{1,4})(?P<comma>,(?P<most>[0-9]{1,4})?)?\})\??)
      | (?P<end>\$)
      | (?P<plain>[^\\\[\]{}()*+?|$])""",
    re.VERBOSE,
)
_SET_OPERATORS = re.compile(r"--|&&|~~|\|\|")
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_MARKS = frozenset(r"^$\.*+?()[]{}|/")


class PatternRefused(ValueError):
    """A pattern that this marketplace does not run for others."""


@lru_cache(maxsize=4096)
def attempts(pattern: str, characters_max: int) -> int:
    """The most ways a pattern can be tried against a text of at most so many characters."""
    if len(pattern) > PATTERN_CHARACTERS_MAX:
        raise PatternRefused(f"a pattern has at most {PATTERN_CHARACTERS_MAX} characters")
    tokens = _tokens(pattern)
    ways, rest = _alternation(tokens, 0, characters_max)
    if rest != len(tokens):
        raise PatternRefused("a closing ) has no opening one")
    compiled(pattern)
    anchored = pattern.startswith("^") and not _has_branches(tokens)
    return ways if anchored else ways * (characters_max + 1)


@lru_cache(maxsize=4096)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern as JSON Schema means it: `$` is the very end, `\\d` is 0 to 9."""
    written = "".join(r"\Z" if token["end"] else token[0] for token in _tokens(pattern))
    try:
        return re.compile(written, re.ASCII)
    except re.error as wrong:
        raise PatternRefused(f"not a regular expression: {wrong.msg}") from wrong


def refuse_foreign(pattern: str) -> None:
    """Refuse what JavaScript cannot read, whose programs compile a schema with the flag `u`.

    Asked of new schemas only: what is on sale already goes on as it was approved.
    """
    for token in _tokens(pattern):
        marks = _ESCAPED_MARKS | {"-"} if token["set"] else _ESCAPED_MARKS
        for escape, escaped in ((found[0], found[1]) for found in _ESCAPE.finditer(token[0])):
            if escaped not in marks and not (escaped.isascii() and escaped.isalnum()):
                raise PatternRefused(f"JavaScript cannot read {escape} there: write {escaped}")


def _tokens(pattern: str) -> list[re.Match[str]]:
    tokens, at = [], 0
    while at < len(pattern):
        token = _TOKEN.match(pattern, at)
        if token is None or (token["set"] and _SET_OPERATORS.search(token["set"])):
            raise PatternRefused(f"{pattern[at : at + 10]!r} cannot be used in a pattern here")
        tokens.append(token)
        at = token.end()
    return tokens


def _has_branches(tokens: list[re.Match[str]]) -> bool:
    """True for `^a|b`, where only the first branch stands at the start."""
    depth = 0
    for token in tokens:
        depth += bool(token["open"]) - bool(token["close"])
        if token["bar"] and depth == 0:
            return True
    return False


def _alternation(tokens: list[re.Match[str]], at: int, longest: int) -> tuple[int, int]:
    total, at = _sequence(tokens, at, longest)
    while at < len(tokens) and tokens[at]["bar"]:
        ways, at = _sequence(tokens, at + 1, longest)
        total += ways
    return total, at


def _sequence(tokens: list[re.Match[str]], at: int, longest: int) -> tuple[int, int]:
    total = 1
    while at < len(tokens) and not (tokens[at]["bar"] or tokens[at]["close"]):
        if tokens[at]["repeat"]:
            raise PatternRefused(f"{tokens[at][0]!r} repeats nothing")
        ways = 1
        if tokens[at]["open"]:
            ways, at = _alternation(tokens, at + 1, longest)
            if at == len(tokens):
                raise PatternRefused("an opening ( is never closed")
        at += 1
        if at < len(tokens) and tokens[at]["repeat"]:
            ways = _repeated(ways, tokens[at], longest)
            at += 1
        total = min(BEYOND_COUNTING, total * ways)
    return total, at


def _repeated(ways: int, token: re.Match[str], longest: int) -> int:
    least, most = _bounds(token)
    if most is None:
        if ways > 1:
            raise PatternRefused("a group with choices inside cannot be repeated without a limit")
        return longest + 1
    if most > REPEAT_MAX or most < least:
        raise PatternRefused(f"a repetition goes up to {REPEAT_MAX} at most")
    return min(BEYOND_COUNTING, (most - least + 1) * int(ways**most))


def _bounds(token: re.Match[str]) -> tuple[int, int | None]:
    if token[0][0] != "{":
        return {"*": (0, None), "+": (1, None), "?": (0, 1)}[token[0][0]]
    least = int(token["least"])
    if not token["comma"]:
        return least, least
    return least, int(token["most"]) if token["most"] else None
