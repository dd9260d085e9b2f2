"""A small terminal: what is written to it, as a person sees it; it wraps, scrolls and reflows."""

import io
import re
from dataclasses import dataclass, field

from rich.cells import cell_len
from rich.console import Console

_TOKEN = re.compile(r"\x1b\[(?P<args>[?\d;]*)(?P<code>[A-Za-z])|(?P<char>[\s\S])")


@dataclass
class Emulator(io.StringIO):
    """Understands what a pane writes, and refuses the rest.

    Lines are kept as they were written; those longer than the terminal are shown in several
    rows, as terminals do that reflow when their window is resized.
    """

    width: int
    height: int
    lines: list[str] = field(default_factory=lambda: [""])  # the whole scrollback
    row: int = 0  # of all rows that the lines take
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
        line, offset = self._place()
        self.width, self.height = width, height
        before = sum(self._rows(each) for each in self.lines[:line])
        self.row, self.column = before + offset // width, offset % width

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
        return [row.rstrip() for row in self._all_rows()[self._top :]]

    @property
    def everything(self) -> list[str]:
        """The lines that were ever printed and not erased."""
        return [line.rstrip() for line in self.lines]

    @property
    def _top(self) -> int:
        return max(len(self._all_rows()) - self.height, 0)

    def _all_rows(self) -> list[str]:
        return [
            line[start : start + self.width]
            for line in self.lines
            for start in range(0, max(len(line), 1), self.width)
        ]

    def _rows(self, line: str) -> int:
        return max(-(-len(line) // self.width), 1)

    def _place(self) -> tuple[int, int]:
        """The line, and the letter in it, at which the cursor is."""
        row = self.row
        for number, line in enumerate(self.lines):
            if row < self._rows(line):
                return number, row * self.width + self.column
            row -= self._rows(line)
        raise AssertionError("the cursor is nowhere")

    def _put(self, char: str) -> None:
        line, offset = self._place()
        match char:
            case "\r":
                self.column = 0
            case "\n":
                rest = self._rows(self.lines[line]) - offset // self.width
                self.row, self.column = self.row + rest, 0
                if line == len(self.lines) - 1:
                    self.lines.append("")
            case _:
                assert cell_len(char) == 1, "a letter of one column is enough for these tests"
                assert char.isprintable(), f"{char!r} steers a terminal"
                text = self.lines[line].ljust(offset)
                self.lines[line] = text[:offset] + char + text[offset + 1 :]
                self.column += 1
                if self.column == self.width:
                    raise AssertionError("a line fills the last column: terminals differ there")

    def _steer(self, args: str, code: str) -> None:
        line, offset = self._place()
        match code, args:
            case "A", _:
                assert self.row - int(args or 1) >= self._top, "it went above the screen"
                self.row -= int(args or 1)
            case "K", "2":
                self.lines[line] = ""
            case "K", _:
                self.lines[line] = self.lines[line][:offset]
            case "J", _:
                self.lines[line] = self.lines[line][:offset]
                del self.lines[line + 1 :]
            case (("h" | "l"), "?25"):
                self.cursor_is_shown = code == "h"
            case (("h" | "l"), "?2026"):
                pass
            case "m", _:
                pass
            case _:
                raise AssertionError(f"not understood: {args}{code}")
