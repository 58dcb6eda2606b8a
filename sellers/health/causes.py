"""Why a call earned nothing, in a seller's words, and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Cause:
    """What happened, and its fix; unknown words are shown as they are."""

    text: str
    fix: str = ""


_CAUSES: Final = {
    "unreachable": Cause(
        "Your endpoint could not be reached", "Is it up, and its address and certificate right?"
    ),
    "timeout": Cause(
        "Your endpoint took too long", "Answer sooner, or raise the listing's time limit."
    ),
    "cut": Cause("The answer broke off", "Something between us closed the connection early."),
    "too_large": Cause("The answer was too large", "Answer less, or in pages."),
    "bad_http": Cause("The answer was no proper HTTP", "Look at your server's log."),
    "redirect": Cause("Your endpoint redirected", "Give the address it redirects to."),
    "upstream_wants_payment": Cause(
        "Your endpoint asked for a payment itself", "Let the marketplace's calls in unpaid."
    ),
    "upstream_rejected": Cause(
        "Your endpoint turned the request away (4xx)",
        "Are its key and the listing's input schema right?",
    ),
    "upstream_error": Cause("Your endpoint failed (5xx)", "Look at your server's log."),
    "partial": Cause("The answer was only a part (206)", "Answer whole."),
    "empty": Cause("The answer was empty", "The output schema asks for a body."),
    "unreadable": Cause("The answer was not the JSON it said", "Look at its encoding."),
    "missing_keys": Cause(
        "The answer lacked keys of the output schema", "Answer them, or change the schema."
    ),
    "busy": Cause("Too much was under way here", "Nothing to do: nobody was charged."),
    "lease over": Cause("The call was lost on our side", "Nothing to do: nobody was charged."),
    "window over": Cause("The buyer's promise ran out", "The money did not come in time."),
    "not settled in time": Cause("The money did not come in time", "Nothing to do."),
    "cancelled": Cause("The buyer cancelled the payment", "Hold release keeps answers back."),
}


def cause(word: str) -> Cause:
    return _CAUSES.get(word, Cause(word))
