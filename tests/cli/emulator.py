"""A small terminal: what is written to it, as a person sees it; it wraps, scrolls and reflows."""

import io
import re
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console

_TOKEN = re.compile(r"\x1b\[(?P<args>[?\d;]*)(?P<code>[A-Za-z])|(?P<char>[\s\S])")


@dataclass
class _Row:
    """One row of the scrollback."""

    text: str = ""
    goes_on: bool = False  # in the next row, since the window became too narrow for it


@dataclass
class Emulator(io.StringIO):
    """Understands what a pane writes, and refuses the rest.

    When its window is resized it reflows as tmux, VTE and others do: a row that was broken in
    two stays one line, whatever is written over it, until all below its begin is erased.
    """

    width: int
    height: int
    rows: list[_Row] = field(default_factory=lambda: [_Row()])  # the whole scrollback
    row: int = 0  # of all rows
    column: int = 0
    cursor_is_shown: bool = True
    writes: int = 0

    def __post_init__(self) -> None:
        super().__init__()

    def console(self) -> Console:
        """A console that writes here."""
        return Console(
            file=self,
            width=self.width,
            height=self.height,
            force_terminal=True,
            color_system=None,
            highlight=False,
            markup=False,
            emoji=False,
        )

    def resize(self, width: int, height: int) -> None:
        """Reflow: the cursor stays at its letter."""
        rows: list[_Row] = []
        at: tuple[int, int] | None = None
        line, offset = "", None
        for number, row in enumerate(self.rows):
            if number == self.row:
                offset = len(line) + self.column
            line += row.text.ljust(self.width) if row.goes_on else row.text
            if row.goes_on:
                continue
            cut = [line[start : start + width] for start in range(0, max(len(line), 1), width)]
            if offset is not None:
                at = len(rows) + min(offset // width, len(cut) - 1), offset % width
            rows += [_Row(text, goes_on=True) for text in cut[:-1]] + [_Row(cut[-1])]
            line, offset = "", None
        assert at is not None
        self.rows, (self.row, self.column) = rows, at
        self.width, self.height = width, height

    def write(self, text: str, /) -> int:
        self.writes += bool(text)
        for token in _TOKEN.finditer(text):
            if token["char"] is not None:
                self._put(token["char"])
            else:
                self._steer(token["args"], token["code"])
        return len(text)

    @property
    def screen(self) -> list[str]:
        """The rows that are seen."""
        return [row.text.rstrip() for row in self.rows[self._top :]]

    @property
    def everything(self) -> list[str]:
        """All rows that were ever written and not erased."""
        return [row.text.rstrip() for row in self.rows]

    @property
    def _top(self) -> int:
        return max(len(self.rows) - self.height, 0)

    def _put(self, char: str) -> None:
        row = self.rows[self.row]
        match char:
            case "\r":
                self.column = 0
            case "\n":
                self.row, self.column = self.row + 1, 0
                if self.row == len(self.rows):
                    self.rows.append(_Row())
            case _:
                assert cell_len(char) == 1, "letters of one column are enough for these tests"
                assert char.isprintable(), f"{char!r} steers a terminal"
                text = row.text.ljust(self.column)
                row.text = text[: self.column] + char + text[self.column + 1 :]
                self.column += 1
                assert self.column < self.width, "terminals differ in what a full row does"

    def _steer(self, args: str, code: str) -> None:
        row = self.rows[self.row]
        match code, args:
            case "A", _:
                assert self.row - int(args or 1) >= self._top, "it went above the screen"
                self.row -= int(args or 1)
            case "K", "2":
                row.text = ""
            case "K", _:
                row.text = row.text[: self.column]
            case "J", _:
                row.text, row.goes_on = row.text[: self.column], False
                del self.rows[self.row + 1 :]
            case (("h" | "l"), "?25"):
                self.cursor_is_shown = code == "h"
            case (("h" | "l"), "?2026"):
                pass
            case "m", _:
                pass
            case _:
                raise AssertionError(f"not understood: {args}{code}")
