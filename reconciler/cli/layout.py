"""Words laid out in columns: cut, folded, or hung behind a head."""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len, chop_cells, set_cell_size
from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

_NO_BREAK = "\ue000"  # stands for a space where a line is not to be broken; nobody uses it


@dataclass(frozen=True, slots=True)
class Hanging:
    """A head and a text; where that goes on in further lines, they are indented.

    Off a terminal, where lines are not broken, it is one line.
    """

    head: Text
    text: Text
    indent: int  # columns

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for a width."""
        if options.no_wrap:
            yield _with_spaces(Text.assemble(self.head, self.text))
        else:
            yield from hanging(self.head, self.text, options.max_width, indent=self.indent)


def unbroken(text: str) -> str:
    """A text that `hanging` breaks only where it would fit no line."""
    return text.replace(" ", _NO_BREAK)


def hanging(head: Text, text: Text, width: int, *, indent: int) -> Iterator[Text]:
    """A head and a text, whose further lines begin at the same column."""
    indent = min(indent, width // 2)
    line = Text.assemble(head, text)
    line.plain = line.plain.replace("\t", " ")
    first = next(iter(line.wrap(Console(width=width, no_color=True, file=None), width)), line)
    yield _with_spaces(first)
    rest = line[len(first) :]
    rest = rest[len(rest) - len(rest.plain.lstrip()) :]
    room = width - indent
    for each in rest.wrap(Console(width=room, no_color=True, file=None), room) if rest else ():
        yield Text.assemble(" " * indent, _with_spaces(each))


def _with_spaces(line: Text) -> Text:
    line.plain = line.plain.replace(_NO_BREAK, " ")
    line.rstrip()
    return line


def folded(text: Text, width: int) -> Iterator[Text]:
    """A text without spaces worth breaking at, in lines that are full."""
    probe = Console(width=width, no_color=True, file=None)
    for line in text.wrap(probe, width, overflow="fold"):
        line.rstrip()
        yield line


def cut(text: str, width: int) -> str:
    """At most so many columns of a text's beginning; some letters take two."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, max(width - 1, 0)).rstrip() + "…"


def cut_path(path: str, width: int) -> str:
    """At most so many columns of a path's end; of its name alone, if that has room."""
    if cell_len(path) <= width:
        return path
    name = f"/{path.rpartition('/')[2]}"
    end = name if cell_len(name) < width else chop_cells(name[::-1], max(width - 1, 1))[0][::-1]
    return f"…{end}"


def padded(text: str, width: int, *, right: bool = False) -> str:
    """A text with blanks up to so many columns; those of numbers come first."""
    blanks = " " * (width - cell_len(text))
    return f"{blanks}{text}" if right else f"{text}{blanks}"
