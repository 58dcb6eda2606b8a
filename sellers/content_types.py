"""How a Content-Type is spelled (RFC 9110, 8.3), and how long one may be."""

from __future__ import annotations

import re
from typing import Final

from sellers.terms import MEDIA_TYPE_CHARACTERS_MAX

CONTENT_TYPE_CHARACTERS_MAX: Final = 200  # with its parameters
_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = r'"(?:[ !#-\[\]-~]|\\[ -~])*"'
_PARAMETERS = rf"(?: *; *(?:{_WORD}=(?:{_WORD}|{_QUOTED}))?)*"
_CONTENT_TYPE = re.compile(rf"({_WORD}/{_WORD}){_PARAMETERS}")


def is_content_type(text: str) -> bool:
    """Whether this names a type and a subtype, and at most parameters after them."""
    if len(text) > CONTENT_TYPE_CHARACTERS_MAX:
        return False
    found = _CONTENT_TYPE.fullmatch(text)
    return found is not None and len(found[1]) <= MEDIA_TYPE_CHARACTERS_MAX
