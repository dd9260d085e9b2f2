"""The words in a prompt that make a job fail, so that failures are rehearsed for nothing.

A prompt that contains one of them is accepted, and its job then fails with this code.
"""

from __future__ import annotations

MODERATION_BLOCKED = "moderation_blocked"
PROCESSING_ERROR = "processing_error"

WORDS = {
    "sora-fail-moderation": MODERATION_BLOCKED,
    "sora-fail-processing": PROCESSING_ERROR,
}

_MESSAGES = {
    MODERATION_BLOCKED: "The request was blocked by the moderation system.",
    PROCESSING_ERROR: "The video could not be made. Another try may succeed.",
}


def failure_rehearsed_by(prompt: str) -> str | None:
    """Return the error code that a prompt asks for by a word of the list, if any."""
    folded = prompt.casefold()
    return next((code for word, code in WORDS.items() if word in folded), None)


def failure_message(code: str) -> str:
    """Return what the API says of an error code."""
    return _MESSAGES.get(code, f"The video could not be made ({code}).")
