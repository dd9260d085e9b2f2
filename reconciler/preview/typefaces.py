"""Chooses the typefaces that show a text.

Pillow's built-in typeface covers little more than ASCII. Whatever else a prompt holds is
looked for in the free fonts that come with sorafile: Latin, Greek, Cyrillic, Arabic, Hebrew,
Devanagari, Georgian, Thai and symbols. Only what none of them shows, such as Chinese, is
looked for in the fonts of this machine; and what is found nowhere is named, not drawn as
empty boxes. A script whose letters join looks the same on every machine that can join them.
"""

from __future__ import annotations

import contextlib
import itertools
import unicodedata
from functools import cache, cached_property
from io import BytesIO
from typing import TYPE_CHECKING

from PIL import ImageDraw, ImageFont

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

# By their names in the package `pymupdf-fonts`: Noto Sans and FiraGO, then symbols and music.
_BUNDLED_FONTS = ("notos", "figo", "symbol2", "symbol1", "math", "music")

# Widespread fonts, wide coverage first; Pillow looks for them where the system keeps fonts.
_SYSTEM_FONTS = (
    "NotoSans-Regular.ttf",
    "DejaVuSans.ttf",
    "Arial Unicode.ttf",
    "segoeui.ttf",
    "arial.ttf",
    "Arial.ttf",
    "LiberationSans-Regular.ttf",
    "NotoSansCJK-Regular.ttc",
    "PingFang.ttc",
    "Hiragino Sans GB.ttc",
    "msyh.ttc",
    "YuGothM.ttc",
    "malgun.ttf",
    "DroidSansFallbackFull.ttf",
    "wqy-zenhei.ttc",
    "NotoSansArabic-Regular.ttf",
    "NotoSansHebrew-Regular.ttf",
    "NotoSansDevanagari-Regular.ttf",
    "NotoSansThai-Regular.ttf",
)

# Marks that every prompt may hold and the built-in typeface lacks.
_PLAIN_MARKS = str.maketrans(
    {
        "\N{EM DASH}": " - ",
        "\N{EN DASH}": "-",
        "\N{HORIZONTAL BAR}": " - ",
        "\N{HYPHEN}": "-",
        "\N{NON-BREAKING HYPHEN}": "-",
        "\N{MINUS SIGN}": "-",
        "\N{BULLET}": "\N{MIDDLE DOT}",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{DOUBLE LOW-9 QUOTATION MARK}": "\N{LEFT DOUBLE QUOTATION MARK}",
        "\N{SINGLE LOW-9 QUOTATION MARK}": "\N{LEFT SINGLE QUOTATION MARK}",
        "\N{PRIME}": "'",
        "\N{DOUBLE PRIME}": '"',
        "\N{RIGHTWARDS ARROW}": "->",
    }
)

_PROBE_SIZE_PX = 48
_NO_CHARACTER = "\U0010fffd"  # the last private-use code point: every font answers with its box
_TEXT_MAX = 2400  # characters; more never fits a frame at a legible size


class Typeface:
    """One font, at whatever sizes are asked for."""

    def __init__(self, font: ImageFont.FreeTypeFont) -> None:
        self._font = font
        self._sizes: dict[int, ImageFont.FreeTypeFont] = {}
        self._shows: dict[str, bool] = {}
        self._box = bytes(self.at(_PROBE_SIZE_PX).getmask(_NO_CHARACTER))

    def at(self, size_px: int) -> ImageFont.FreeTypeFont:
        """Return this font at one size."""
        if size_px not in self._sizes:
            self._sizes[size_px] = self._font.font_variant(size=size_px)
        return self._sizes[size_px]

    def shows(self, character: str) -> bool:
        """Tell whether the font has a glyph of its own for `character`."""
        if character not in self._shows:
            drawn = bytes(self.at(_PROBE_SIZE_PX).getmask(character))
            self._shows[character] = drawn != self._box
        return self._shows[character]


class Lettering:
    """One text together with the typefaces that show it.

    `text` is what will be drawn: spaces tidied, and what no font here has replaced.
    """

    def __init__(self, text: str) -> None:
        self._widths: dict[tuple[str, int], float] = {}
        tidy = _tidy(text)
        plain = _tidy(text.translate(_PLAIN_MARKS))
        built_in = Typeface(_built_in())
        if all(built_in.shows(character) for character in _visible(plain)):
            self._faces = [built_in]
            self.text = plain
            return
        faces = [built_in]
        missing = set(_visible(tidy))
        for font in _more_fonts(joins=any(map(_joins, tidy))):
            missing = {character for character in missing if not faces[-1].shows(character)}
            if not missing:
                break
            faces.append(Typeface(font))
        # One typeface for the whole text if possible: a borrowed letter amid others jars.
        shown = {face: sum(map(face.shows, _visible(tidy))) for face in faces}
        self._faces = sorted(faces, key=lambda face: -shown[face])
        self.text = _without_missing(tidy, self._shows)

    def _shows(self, character: str) -> bool:
        return any(face.shows(character) for face in self._faces)

    @cached_property
    def is_right_to_left(self) -> bool:
        """Whether the first letter belongs to a script that is written leftwards."""
        kinds = (unicodedata.bidirectional(character) for character in self.text)
        first = next((kind for kind in kinds if kind in {"L", "R", "AL"}), "L")
        return first != "L"

    def width(self, text: str, size_px: int) -> float:
        """Return how many pixels wide `text` is when set in one line."""
        if (text, size_px) not in self._widths:
            self._widths[text, size_px] = sum(
                font.getlength(run, direction=self._direction(font))
                for font, run in self._set(text, size_px)
            )
        return self._widths[text, size_px]

    def draw(self, pen: ImageDraw.ImageDraw, xy: tuple[float, float], text: str, size: int) -> None:
        """Draw one line of text in full white; `xy` is the left end of its baseline."""
        x, y = xy
        for font, run in self._set(text, size):
            direction = self._direction(font)
            pen.text((round(x), y), run, fill=255, font=font, anchor="ls", direction=direction)
            x += font.getlength(run, direction=direction)

    def _set(self, text: str, size_px: int) -> list[tuple[ImageFont.FreeTypeFont, str]]:
        """The runs of one line from left to right, each with its font."""
        runs = [(face.at(size_px), run) for face, run in self._runs(text)]
        return runs[::-1] if self.is_right_to_left else runs

    def _direction(self, font: ImageFont.FreeTypeFont) -> str | None:
        """Which way a line goes: the way of its text, though it may begin with a foreign word."""
        if font.layout_engine == ImageFont.Layout.BASIC:
            return None  # it knows but one
        return "rtl" if self.is_right_to_left else "ltr"

    def _runs(self, text: str) -> Iterator[tuple[Typeface, str]]:
        """Cut `text` where the typeface changes; spaces and accents stay with what they follow.

        Not so a space after a symbol: among symbols it is as wide as they are.
        """
        face = self._faces[0]
        chosen = []
        for before, character in zip(f" {text}", text, strict=False):
            if character == " " and unicodedata.category(before) == "So":
                face = self._faces[0]
            elif not is_attached(character) and not face.shows(character):
                face = next((each for each in self._faces if each.shows(character)), face)
            elif not is_attached(character) and self._faces[0].shows(character):
                face = self._faces[0]
            chosen.append((face, character))
        for each, pairs in itertools.groupby(chosen, key=lambda pair: pair[0]):
            yield each, "".join(character for _, character in pairs)


def is_attached(character: str) -> bool:
    """Tell whether a character has no place of its own: a space, an accent, a joiner."""
    return character.isspace() or unicodedata.category(character) in {"Mn", "Mc", "Me", "Cf"}


def _built_in() -> ImageFont.FreeTypeFont:
    font = ImageFont.load_default(size=_PROBE_SIZE_PX)
    if not isinstance(font, ImageFont.FreeTypeFont):
        raise TypeError("this Pillow was built without FreeType, so it cannot draw a prompt")
    # The plain layout engine gives the same pixels on every machine.
    return font.font_variant(layout_engine=ImageFont.Layout.BASIC)


def _more_fonts(*, joins: bool) -> Iterator[ImageFont.FreeTypeFont]:
    """Open one font after the other, those that come with sorafile first.

    Letters that join, or stand above each other, need the machine's layout engine, where it has
    one; others are laid out in the same plain way on every machine.
    """
    engine = None if joins else ImageFont.Layout.BASIC
    for name in _BUNDLED_FONTS:
        yield ImageFont.truetype(BytesIO(_bundled(name)), _PROBE_SIZE_PX, layout_engine=engine)
    for path in _system_fonts():
        yield ImageFont.truetype(path, _PROBE_SIZE_PX)


def _joins(character: str) -> bool:
    """Whether a letter's shape or place depends on its neighbours."""
    is_leftward = unicodedata.bidirectional(character) in {"R", "AL", "AN"}
    return is_leftward or unicodedata.category(character) in {"Mn", "Mc", "Me"}


@cache
def _bundled(name: str) -> bytes:
    """A font file, unpacked: some hundredths of a second, once a process."""
    import pymupdf_fonts

    return bytes(pymupdf_fonts.myfont(name))


@cache
def _system_fonts() -> tuple[str, ...]:
    """Find those of the wide-coverage fonts that are installed here. A slow search, done once."""
    paths = []
    for name in _SYSTEM_FONTS:
        with contextlib.suppress(OSError):  # not installed
            paths.append(str(ImageFont.truetype(name, size=_PROBE_SIZE_PX).path))
    return tuple(paths)


def _tidy(text: str) -> str:
    """Join runs of spaces, keep line breaks, and drop characters that draw nothing."""
    plain = unicodedata.normalize("NFC", text[:_TEXT_MAX])
    lines = (" ".join(line.split()) for line in plain.splitlines())
    return "\n".join(
        "".join(character for character in line if not _is_silent(character))
        for line in lines
        if line
    )


def _is_silent(character: str) -> bool:
    # Joiners are kept: Arabic and Indic scripts need them between letters.
    kind = unicodedata.category(character)
    is_joiner = character in "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
    is_variant = "\N{VARIATION SELECTOR-1}" <= character <= "\N{VARIATION SELECTOR-16}"
    return is_variant or (kind in {"Cc", "Cf", "Cs", "Co", "Cn"} and not is_joiner)


def _visible(text: str) -> str:
    return "".join(character for character in text if not is_attached(character))


def _without_missing(text: str, shows: Callable[[str], bool]) -> str:
    """Replace what no font shows: by a plainer character, else by the name of its script.

    Symbols and emoji are left out: they colour a sentence, they do not carry it.
    """
    pieces: list[str] = []
    for is_missing, run in _runs_of_missing(text, shows):
        letters = [character for character in run if character.isalpha()]
        if not is_missing:
            pieces.append(run)
        elif letters:
            pieces.append(f" [{_script_of(letters)} text: no font here] ")
    return _tidy("".join(pieces))


def _runs_of_missing(text: str, shows: Callable[[str], bool]) -> Iterator[tuple[bool, str]]:
    """Cut `text` into runs that can be shown and runs that cannot."""
    was_missing = False
    plainer = []
    for character in text:
        stand_in = next(filter(str.isprintable, _stand_ins(character, shows)), None)
        # A space or an accent within a missing run belongs to it.
        was_missing = was_missing if is_attached(character) else stand_in is None
        plainer.append((was_missing, character if stand_in is None else stand_in))
    for is_missing, pairs in itertools.groupby(plainer, key=lambda pair: pair[0]):
        yield is_missing, "".join(character for _, character in pairs)


def _stand_ins(character: str, shows: Callable[[str], bool]) -> Iterator[str]:
    """Yield what may be drawn for `character`, best first; nothing if it cannot be shown."""
    bare = unicodedata.normalize("NFKD", character)[0]
    for candidate in (character, character.translate(_PLAIN_MARKS), bare):
        if all(map(shows, _visible(candidate))):
            yield candidate


def _script_of(letters: Sequence[str]) -> str:
    """Name the script of some letters, in a word that a reader knows."""
    names = {unicodedata.name(letter, "UNKNOWN").split()[0] for letter in letters}
    if names & {"HIRAGANA", "KATAKANA"}:
        return "Japanese"
    if "CJK" in names:
        return "Chinese"
    if "HANGUL" in names:
        return "Korean"
    return min(names).capitalize()
