"""The rows at the bottom of a terminal, drawn anew in place."""

from collections.abc import Sequence
from dataclasses import dataclass

from rich.console import Console, RenderableType
from rich.text import Text

_HIDE, _SHOW = "\x1b[?25l", "\x1b[?25h"
_HOLD, _RELEASE = "\x1b[?2026h", "\x1b[?2026l"
"""A terminal that knows these shows what is between them at once; others pass them over."""

_ERASE_LINE, _ERASE_REST, _ERASE_BELOW = "\x1b[2K", "\x1b[K", "\x1b[J"


@dataclass(slots=True)
class Pane:
    """Lines that are replaced, and others above them that stay.

    The cursor stands behind the last line, so that the terminal never scrolls for its sake. It
    is hidden only while a frame is written: whatever ends or suspends the command leaves it.
    Rich's own live display counts lines as it wrote them: where a window got narrower they
    are more by now, and it would leave the rest of them behind.
    """

    console: Console
    _shown: tuple[Text, ...] | None = None  # None: nothing
    _width: int = 0

    def draw(self, lines: Sequence[Text], above: Sequence[RenderableType] = ()) -> None:
        """Replace the lines, in one write; what is `above` goes to the scrollback.

        Args:
            lines: each narrower than the terminal.
            above: what stays.
        """
        shown, width = tuple(lines), self.console.width
        if not above and (shown, width) == (self._shown, self._width):
            return
        back = self._back()
        if width != self._width:
            # What was wrapped stays one line for the terminal, however it is written over.
            back += _ERASE_BELOW
        frame = f"{_ERASE_REST}\n".join(self._rendered(Text("\n").join(lines)))
        said = self._said(above)
        self._shown, self._width = shown, width
        self._write(f"{back}{said}{frame}{_ERASE_BELOW}")

    def close(self, above: Sequence[RenderableType] = ()) -> None:
        """Take the lines away."""
        if self._shown is None and not above:
            return
        back = self._back()
        self._shown = None
        self._write(f"{back}{_ERASE_BELOW}{self._said(above)}")

    def forget(self) -> None:
        """Draw from where the cursor is: others have written below the lines."""
        self._shown = None

    def _back(self) -> str:
        """To the first column of the first line, which may be wrapped by now."""
        width = max(self.console.width, 1)
        rows = sum(max(-(-line.cell_len // width), 1) for line in self._shown or ())
        return f"\r\x1b[{rows - 1}A" if rows > 1 else "\r"

    def _said(self, above: Sequence[RenderableType]) -> str:
        lines = (line for each in above for line in self._rendered(each))
        return "".join(f"{_ERASE_LINE}{line}\n" for line in lines)

    def _rendered(self, what: RenderableType) -> list[str]:
        with self.console.capture() as captured:
            # Terminals differ in what follows a letter in their last column.
            self.console.print(what, end="", width=max(self.console.width - 1, 1))
        return captured.get().rstrip("\n").split("\n")

    def _write(self, text: str) -> None:
        self.console.file.write(f"{_HOLD}{_HIDE}{text}{_SHOW}{_RELEASE}")
        self.console.file.flush()
