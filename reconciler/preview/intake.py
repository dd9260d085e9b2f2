"""What requests may say, as data: the official values alone, or whatever can be drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reconciler.preview.reference import covering_reference, exact_reference

if TYPE_CHECKING:
    from reconciler.preview.dialect import Takes

MODELS = ("sora-2", "sora-2-pro")
SECONDS = ("4", "8", "12")
SIZES = ("720x1280", "1280x720", "1024x1792", "1792x1024")
_SECONDS_MAX = 600
_SIDE_PX_MAX = 4096
_NAME_CHARACTERS_MAX = 500


class Values(Protocol):
    """The values of one field."""

    @property
    def default(self) -> str:
        """What holds where the field is not given."""

    @property
    def expected(self) -> str:
        """What is allowed, in one sentence."""

    @property
    def may_be_number(self) -> bool:
        """Whether JSON may spell one as a number."""

    def allow(self, value: str) -> bool:
        """Whether this is one of them."""


@dataclass(frozen=True, slots=True)
class OneOf:
    """A few values, the default first."""

    values: tuple[str, ...]
    may_be_number: bool = False

    @property
    def default(self) -> str:
        """The first."""
        return self.values[0]

    @property
    def expected(self) -> str:
        """All of them."""
        *most, last = (f"'{value}'" for value in self.values)
        return f"Supported values are: {', '.join(most)} and {last}."

    def allow(self, value: str) -> bool:
        """Whether this is one of them."""
        return value in self.values


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """The whole numbers from 1 on."""

    default: str
    most: int
    may_be_number: bool = True

    @property
    def expected(self) -> str:
        """The bounds."""
        return f"Expected a whole number from 1 to {self.most}."

    def allow(self, value: str) -> bool:
        """Whether this is one of them."""
        # Plain digits only: int() would take "+1", " 1" and "1_0" as well.
        return value.isascii() and value.isdigit() and 1 <= int(value[:9]) <= self.most


@dataclass(frozen=True, slots=True, kw_only=True)
class Pixels:
    """WIDTHxHEIGHT, of even sides: H.264 stores colours for two pixels by two."""

    default: str
    side_px_max: int
    may_be_number: bool = False

    @property
    def expected(self) -> str:
        """The bounds."""
        return f"Expected WIDTHxHEIGHT, even numbers of up to {self.side_px_max} pixels."

    def allow(self, value: str) -> bool:
        """Whether this is one of them, without leading zeros."""
        sides = value.split("x")
        return len(sides) == 2 and all(map(self._is_side, sides))  # noqa: PLR2004 - width, height

    def _is_side(self, side: str) -> bool:
        is_number = side.isascii() and side.isdigit() and side[0] != "0"
        return is_number and int(side[:9]) <= self.side_px_max and int(side[-1]) % 2 == 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Name:
    """Any name."""

    default: str
    characters_max: int
    may_be_number: bool = False

    @property
    def expected(self) -> str:
        """The bounds."""
        return f"Expected a name of 1 to {self.characters_max} printable characters."

    def allow(self, value: str) -> bool:
        """Whether this is one."""
        # `isprintable` is False of half a character, which JSON can escape.
        return (
            1 <= len(value) <= self.characters_max and value.isprintable() and bool(value.strip())
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What a server takes."""

    model: Values
    seconds: Values
    size: Values
    added_seconds: Values  # of an extension
    video_seconds_max: int  # of a video that was extended
    ignores_unknown: bool  # fields that nobody knows, which are refused elsewhere
    reference: Callable[[bytes, str], bytes]
    """The image that a video of a WIDTHxHEIGHT opens on, of an input image; or an ApiError."""


OFFICIAL = Intake(
    model=OneOf(MODELS),
    seconds=OneOf(SECONDS),
    size=OneOf(SIZES),
    added_seconds=OneOf(("4", "8", "12", "16", "20")),
    video_seconds_max=120,
    ignores_unknown=False,
    reference=exact_reference,
)
ANYTHING = Intake(
    model=Name(default=MODELS[0], characters_max=_NAME_CHARACTERS_MAX),
    seconds=Whole(default=SECONDS[0], most=_SECONDS_MAX),
    size=Pixels(default=SIZES[0], side_px_max=_SIDE_PX_MAX),
    added_seconds=Whole(default=SECONDS[0], most=_SECONDS_MAX),
    video_seconds_max=_SECONDS_MAX,
    ignores_unknown=True,
    reference=covering_reference,
)
INTAKES: Mapping[Takes, Intake] = {"official": OFFICIAL, "anything": ANYTHING}
