"""Extra fields: what a spec says to a server in the server's own words."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from reconciler.domain.profile import ExtraKind
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import ExtraValue
from reconciler.specs.codes import Code
from reconciler.specs.findings import Findings, Trouble, listed
from reconciler.specs.spec import Spec

_WORDS: Mapping[ExtraKind, str] = {
    "integer": "a whole number",
    "number": "a number",
    "text": "a text",
    "boolean": "true or false",
    "any": "a number, a text, true or false",
}

_SAID_ELSEWHERE = frozenset(
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


def extra_of(
    spec: Spec, provider: Provider, findings: Findings
) -> tuple[tuple[str, ExtraValue], ...]:
    """What else the server of a video is told, as its profile says that it takes it."""
    taken = provider.profile.extra_fields
    found: dict[str, ExtraValue] = {}
    for name, written in sorted((spec.table.extra or {}).items()):
        kind = taken.get(name, taken.get("*"))
        value = None if kind is None else _value(written, kind)
        if name.casefold() in _SAID_ELSEWHERE:
            trouble = _said_elsewhere(name)
        elif kind is None:
            trouble = _not_taken(name, provider)
        elif value is None:
            summary = f"`{name}` must be {_WORDS[kind]}"
            trouble = Trouble(code=Code.NOT_OFFERED, summary=summary)
        else:
            found[name] = value
            continue
        span = spec.file.document.value_span((*spec.path, "extra", name))
        findings.add(trouble, span)
    return tuple(found.items())


def _said_elsewhere(name: str) -> Trouble:
    return Trouble(
        code=Code.BAD_VALUE,
        summary=f"`{name}` is no extra field: it would make another video than is planned",
        fix="say it with the video's own keys, as model, seconds, size, takes or input_reference",
    )


def _not_taken(name: str, provider: Provider) -> Trouble:
    return Trouble(
        code=Code.NOT_OFFERED,
        summary=f"provider `{provider.name}` takes no extra field `{name}`",
        allowed=listed(provider.profile.extra_fields) or "no extra field at all",
        fix=f"correct that with extra_fields under [providers.{provider.name}]",
    )


def _value(written: object, kind: ExtraKind) -> ExtraValue | None:
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
