"""The strip at the foot of an animatic: what it is of, how far it has come, and its time code.

It begins on a row of the encoder's blocks, and the digits that change with every frame stand in
columns of their own: see `render`, which encodes the moving frames of one second only and shows
them in every second. So what tells the seconds keeps its distance from all that moves, and no
moving frame is predicted from it: the bar lies along the lower edge.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache

from PIL import Image

from reconciler.preview.lettering import fit

FRAMES_PER_SECOND = 24
BLOCK_PX = 16  # the side of a macroblock of H.264

_HEIGHT = 0.108  # of the picture's shorter side
_TYPE = 0.03
_BAR = 0.0055
_INK, _FAINT_INK = 215, 96  # levels of 255 that ink covers the ground with
_INK_LUMA = 230  # a white as a brightness in video range, 16..235
_DIGITS = "0123456789"
_CELLS_APART_MAX = 60  # more would be closer together than they are wide


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where things stand, in pixels of the whole picture."""

    width: int
    top: int
    height: int
    margin: int  # left and right of it
    type_px: int
    bar_px: int


def layout_of(width: int, height: int, *, margin: int) -> Layout:
    """Lay out the strip of a picture."""
    short = min(width, height)
    top = (height - round(short * _HEIGHT)) // BLOCK_PX * BLOCK_PX
    return Layout(
        width=width,
        top=top,
        height=height - top,
        margin=margin,
        type_px=max(1, round(short * _TYPE)),
        bar_px=max(2, round(short * _BAR)),
    )


class Strip:
    """The strip of one shot."""

    def __init__(self, layout: Layout, *, facts: tuple[str, ...], seconds: int) -> None:
        """Of `facts`, which say the same at less and less length, the first that fits is told."""
        self.layout = layout
        self._facts = facts
        self._seconds = seconds

    def write(self, picture: Image.Image, ink: tuple[int, int, int]) -> None:
        """Write what holds still onto a whole picture in RGB."""
        mask, (x, y) = self._still
        picture.paste(ink, (x, self.layout.top + y), mask)

    def moments(self, luma: Image.Image) -> Moments:
        """The strip at every moment, on its ground as `luma` of a whole picture shows it."""
        layout = self.layout
        ground = luma.crop((0, layout.top, layout.width, layout.top + layout.height))
        mask, at = self._still
        ground.paste(_INK_LUMA, at, mask)
        return Moments(ground, self._seconds, layout, self._clock)

    @cached_property
    def _still(self) -> tuple[Image.Image, tuple[int, int]]:
        layout = self.layout
        size, room = layout.type_px, self._clock.left - 2 * layout.type_px - layout.margin
        lines = [
            fit(facts, width_px=room, height_px=2 * size, size_min=size, size_max=size)
            for facts in self._facts
        ]
        line = next((each for each in lines if not each.is_cut), lines[-1])
        rim = layout.type_px // 2
        y = self._clock.y - rim
        return line.mask().point(lambda level: level * _INK // 255), (layout.margin - rim, y)

    @property
    def _clock(self) -> _Clock:
        return _clock_of(self.layout)


@lru_cache(maxsize=8)
def _clock_of(layout: Layout) -> _Clock:
    return _Clock(layout)


class _Clock:
    """A time code, `00:02:13`: minutes, seconds, frames. Every digit has a place of its own."""

    def __init__(self, layout: Layout) -> None:
        size = layout.type_px
        glyphs = {
            each: fit(each, width_px=size * 2, height_px=size * 2, size_min=size, size_max=size)
            for each in f"{_DIGITS}:"
        }
        self._rim = size // 2
        self._digit_px = max(glyphs[each].width_px for each in _DIGITS)
        self._colon_px = glyphs[":"].width_px + size // 4
        self._masks = {each: block.mask() for each, block in glyphs.items()}
        self._widths = {each: block.width_px for each, block in glyphs.items()}
        line_px = glyphs["0"].line_px
        self.y = (layout.height - layout.bar_px - line_px) // 2
        right = layout.width - layout.margin
        # Blocks that change with the frame hold nothing that changes with the second.
        self._frames_x = (right - 2 * self._digit_px) // BLOCK_PX * BLOCK_PX
        self.left = self._frames_x - 4 * self._digit_px - 2 * self._colon_px

    def paint(self, luma: Image.Image, second: int | None, frame: int) -> None:
        """Paint the time of one frame; of no second, its frame digits alone."""
        if second is not None:
            self._write(luma, f"{second // 60:02}:{second % 60:02}:", self.left)
        self._write(luma, f"{frame:02}", self._frames_x)

    def _write(self, luma: Image.Image, text: str, x: int) -> None:
        for character in text:
            x = self._put(luma, character, x)

    def _put(self, luma: Image.Image, character: str, x: int) -> int:
        place = self._colon_px if character == ":" else self._digit_px
        inset = (place - self._widths[character]) // 2
        luma.paste(_INK_LUMA, (x + inset - self._rim, self.y - self._rim), self._masks[character])
        return x + place


class Moments:
    """The strip's brightness at every moment."""

    def __init__(self, ground: Image.Image, seconds: int, layout: Layout, clock: _Clock) -> None:
        self._ground = ground
        self._seconds = seconds
        self._layout = layout
        self._clock = clock
        # Of the second that was painted last: of all of a long clip they would fill the memory.
        self._barred: tuple[int | None, Image.Image] = (None, ground)

    def paint(self, luma: Image.Image, second: int | None, frame: int) -> None:
        """Paint over the foot of a picture, which shows nothing but the strip then.

        Of no second, it lacks whatever tells the seconds: the bar and all but the frame digits.
        """
        strip = self._with_bar_of(second).copy()
        self._clock.paint(strip, second, frame)
        luma.paste(strip, (0, self._layout.top))

    def _with_bar_of(self, second: int | None) -> Image.Image:
        if second is None:
            return self._ground
        if self._barred[0] != second:
            self._barred = (second, self._with_bar(second))
        return self._barred[1]

    def _with_bar(self, second: int) -> Image.Image:
        """A cell for each second, lit up to the one that runs."""
        strip = self._ground.copy()
        layout = self._layout
        is_roomy = layout.width >= 2 * layout.bar_px * self._seconds
        gap = layout.bar_px if is_roomy and self._seconds <= _CELLS_APART_MAX else 0
        whole = layout.width + gap
        for cell in range(self._seconds):
            left = whole * cell // self._seconds
            right = whole * (cell + 1) // self._seconds - gap
            ink = _INK if cell <= second else _FAINT_INK
            mask = Image.new("L", (right - left, layout.bar_px), ink)
            strip.paste(_INK_LUMA, (left, layout.height - layout.bar_px), mask)
        return strip
