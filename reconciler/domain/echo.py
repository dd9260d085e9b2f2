"""What a server's list may tell of a paid request: all that a lost answer can be found by."""

from dataclasses import dataclass
from typing import Literal

EchoField = Literal["prompt", "model", "seconds", "size", "parent"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Echo:
    """What one paid request says, as far as its server's jobs repeat it.

    Two requests with equal echoes cannot be told apart by a list, whatever else they ask for:
    a reference image is never among it.
    """

    prompt: str | None
    model: str | None
    seconds: int | None
    size: str | None  # WIDTHxHEIGHT in pixels
    parent: str | None  # the remote id of the job that it remixes; None too for a create
    blind: tuple[EchoField, ...] = ()  # what the server does not repeat: None above
