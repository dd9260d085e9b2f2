"""Sets a prompt in type: how large it can be, and how it breaks into lines that fit a box."""

from __future__ import annotations

import math
import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PIL import Image, ImageDraw

from reconciler.preview.typefaces import Lettering, is_attached

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"
_LEADING = 1.24  # line height, as a multiple of the type size
_BALANCE_LINES_MAX = 8  # beyond that a block of text is a paragraph, and ragged is right


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Lines of text that fit a box, top to bottom."""

    lettering: Lettering
    lines: tuple[str, ...]
    size_px: int
    width_px: int  # of the longest line
    is_cut: bool  # the text was too long, and ends with an ellipsis

    @property
    def line_px(self) -> int:
        """The distance from one baseline to the next."""
        return round(self.size_px * _LEADING)

    @property
    def height_px(self) -> int:
        """The height of all lines together."""
        return self.line_px * len(self.lines)

    def mask(self) -> Image.Image:
        """Draw the block white on black, as large as the block with a small rim around it."""
        rim = self.size_px // 2
        picture = Image.new("L", (self.width_px + 2 * rim, self.height_px + 2 * rim))
        pen = ImageDraw.Draw(picture)
        for row, line in enumerate(self.lines):
            slack = self.width_px - self.lettering.width(line, self.size_px)
            x = rim + (slack if self.lettering.is_right_to_left else 0)
            baseline = rim + row * self.line_px + round(self.size_px * 0.92)
            self.lettering.draw(pen, (x, baseline), line, self.size_px)
        return picture


def fit(text: str, *, width_px: int, height_px: int, size_min: int, size_max: int) -> Block:
    """Set `text` as large as it goes into a box, between two type sizes.

    Only a text that is too long even at `size_min` is cut, and then it says so by an
    ellipsis. Words stay whole as long as a smaller size keeps them whole.
    """
    lettering = Lettering(text)
    paragraphs = [_atoms(line) for line in lettering.text.split("\n")]

    def lines_at(size_px: int, box_px: float) -> list[str]:
        return [line for atoms in paragraphs for line in _wrap(atoms, box_px, measure(size_px))]

    def measure(size_px: int) -> Callable[[str], float]:
        return lambda piece: lettering.width(piece, size_px)

    def longest_word(size_px: int) -> float:
        words = (atom.strip() for atoms in paragraphs for atom in atoms)
        return max(map(measure(size_px), words), default=0)

    def fits(size_px: int) -> bool:
        return len(lines_at(size_px, width_px)) * round(size_px * _LEADING) <= height_px

    def fits_whole(size_px: int) -> bool:
        return longest_word(size_px) <= width_px and fits(size_px)

    size_px = _largest(size_min, size_max, fits_whole)
    if not fits_whole(size_px):
        size_px = _largest(size_min, size_max, fits)
    lines = lines_at(size_px, width_px)
    rows_max = max(1, height_px // round(size_px * _LEADING))
    is_cut = len(lines) > rows_max
    if is_cut:
        last = _ellipsized(lines[rows_max - 1], width_px, measure(size_px))
        lines = [*lines[: rows_max - 1], last]
    elif len(lines) <= _BALANCE_LINES_MAX:
        # The narrowest box that needs no more lines makes them about equally long.
        rows, low = len(lines), min(width_px, math.ceil(longest_word(size_px)))
        box_px = _smallest(low, width_px, lambda box: len(lines_at(size_px, box)) <= rows)
        lines = lines_at(size_px, box_px)
    width = max((measure(size_px)(line) for line in lines), default=0)
    return Block(
        lettering=lettering,
        lines=tuple(lines),
        size_px=size_px,
        width_px=max(1, math.ceil(width)),
        is_cut=is_cut,
    )


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in {"W", "F"}


def _atoms(line: str) -> list[str]:
    """Cut one line into the smallest pieces that a line break may part.

    A piece that begins with a space is a new word. Scripts without spaces may break
    after any character, but never before a closing mark.
    """
    atoms: list[str] = []
    for character in line:
        follows_wide = bool(atoms) and _is_wide(atoms[-1][-1])
        opens = not is_attached(character) and (_is_wide(character) or follows_wide)
        closes = unicodedata.category(character) in {"Pe", "Pf", "Po"}
        if character == " " or not atoms or (opens and not closes and atoms[-1] != " "):
            atoms.append(character)
        else:
            atoms[-1] += character
    return atoms


def _wrap(atoms: Sequence[str], box_px: float, measure: Callable[[str], float]) -> list[str]:
    lines: list[str] = []
    line, filled_px = "", 0.0
    for atom in atoms:
        width_px = measure(atom)
        if line and filled_px + width_px > box_px:
            lines.append(line)
            line, filled_px = "", 0.0
        if not line:
            *broken, line = _broken(atom.strip(), box_px, measure)
            lines += broken
            filled_px = measure(line)
        else:
            line += atom
            filled_px += width_px
    return [*lines, line] if line else lines


def _broken(word: str, box_px: float, measure: Callable[[str], float]) -> list[str]:
    """Cut a word that is wider than the box; most words come back whole."""
    parts = [""]
    for character in word if measure(word) > box_px else (word,):
        if parts[-1] and measure(parts[-1] + character) > box_px:
            parts.append("")
        parts[-1] += character
    return parts


def _ellipsized(line: str, box_px: float, measure: Callable[[str], float]) -> str:
    while line and measure(line + _ELLIPSIS) > box_px:
        line = line[:-1].rstrip()
    return line.rstrip(" ,.;:-") + _ELLIPSIS


def _largest(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the largest number for which `holds`, or `low` if there is none."""
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if holds(middle) else (low, middle - 1)
    return low


def _smallest(low: int, high: int, holds: Callable[[int], bool]) -> int:
    """Return the smallest number for which `holds`, or `high` if there is none."""
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low
