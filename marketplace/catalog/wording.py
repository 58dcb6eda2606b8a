"""The words of a search: all of them at first, and any of them where nothing has them all."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# The words as people write them for a search, or the same with the last one half typed.
ALL: Final = """
    websearch_to_tsquery('english', %(text)s)
    || (websearch_to_tsquery('english', %(head)s) && to_tsquery('simple', %(prefix)s))
"""
ANY: Final = "websearch_to_tsquery('english', %(any)s)"
RULED_OUT: Final = "e.search @@ websearch_to_tsquery('english', %(ruled_out)s)"
WORDS_MAX: Final = 24  # of a sentence's beginning, each looked up by itself

_LAST_WORD = re.compile(r"(?:^|(?<=\s))[^\W_]+$")
_TERM = re.compile(r'-?"[^"]*"|\S+')
_WORD = re.compile(r"[^\W_]+")


def all_of(text: str) -> dict[str, str]:
    """The values of `ALL`: the text, and its last word apart when it may be half typed."""
    last = _LAST_WORD.search(text)
    if last is None or text.count('"') % 2:
        return {"text": text, "head": text, "prefix": ""}
    return {"text": text, "head": text[: last.start()], "prefix": f"'{last[0].lower()}':*"}


@dataclass(frozen=True, slots=True)
class AnyOf:
    """A text of which one word is enough; a quoted phrase counts as one, and `-word` holds."""

    words: tuple[str, ...]
    ruled_out: str

    @classmethod
    def of(cls, text: str) -> AnyOf:
        words, ruled_out = list[str](), list[str]()
        for term in _TERM.findall(text):
            if term.startswith("-"):
                ruled_out.append(term)
            elif term.startswith('"'):
                words.append(term)
            elif term.lower() != "or":
                words += _WORD.findall(term.lower())
        return cls(tuple(dict.fromkeys(words))[:WORDS_MAX], " ".join(ruled_out))

    @property
    def asks_for_less(self) -> bool:
        """Whether this can find anything that the whole text does not."""
        return len(self.words) > 1

    @property
    def values(self) -> dict[str, str]:
        """The values of `ANY` and `RULED_OUT`, and each word under its own name."""
        words = dict(zip(self.word_names, self.words, strict=True))
        return {"any": " or ".join(self.words), "ruled_out": self.ruled_out, **words}

    @property
    def word_names(self) -> tuple[str, ...]:
        return tuple(f"word_{at}" for at in range(len(self.words)))
