"""Extra fields: what a spec says to a server in the server's own words."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from reconciler.domain.profile import ExtraKind
from reconciler.domain.recipe import ExtraValue

EXTRA_WORDS: Mapping[ExtraKind, str] = {
    "integer": "a whole number",
    "number": "a number",
    "text": "a text",
    "boolean": "true or false",
    "any": "a number, a text, true or false",
}

SAID_ELSEWHERE = frozenset(
    {
        "prompt",
        "model",
        "seconds",
        "duration",
        "size",
        "resolution",
        "aspect_ratio",
        "n",
        "input_reference",
        "image_reference",
        "image",
        "frame_images",
        "video",
    }
)
"""What a spec says by keys of its own, in the words of whichever protocol. As an extra field it
would make, and bill, another video than the one that was planned and priced."""


def extra_value(written: object, kind: ExtraKind) -> ExtraValue | None:
    """What was written as a field of that kind takes it; None where it cannot be that.

    A text that a variable filled counts as the number that it spells. A number counts the same
    however it is written, so 2 and 2.0 are one recipe.
    """
    if isinstance(written, bool):
        return written if kind in ("boolean", "any") else None
    if isinstance(written, str) and kind in ("text", "any"):
        return written
    if not isinstance(written, str | int | float | Decimal) or kind in ("text", "boolean"):
        return None
    try:
        number = Decimal(str(written))
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    if number == number.to_integral_value():
        return int(number)
    return None if kind == "integer" else float(number)
