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
    parent: str | None  # the remote id of the job that it derives from; None too for a create
    blind: tuple[EchoField, ...] = ()
    """What the server does not repeat: None above. But a parent that is told there is one that
    it may repeat, and need not."""

    def may_be_confused_with(self, other: "Echo") -> bool:
        """Whether a list may not tell the job of one from that of the other.

        Two parents that need not be repeated are no confusion: without them, neither job could
        ever be taken for certain.
        """
        unsure = {*self.blind, *other.blind}
        if self.parent is not None and other.parent is not None:
            unsure.discard("parent")
        compared = {"prompt", "model", "seconds", "size", "parent"} - unsure
        return all(getattr(self, field) == getattr(other, field) for field in compared)
