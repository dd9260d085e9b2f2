"""Where words go: the result to standard output, the talk to standard error."""

import json
import os
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import IO

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

PIPE_COLUMNS = 80


@dataclass(slots=True, kw_only=True)
class Terminal:
    """The two consoles of one command."""

    color: bool | None = None  # None: the terminal and NO_COLOR, FORCE_COLOR decide
    quiet: bool = False
    out: Console = field(init=False)
    err: Console = field(init=False)

    def __post_init__(self) -> None:
        self.out = _console(sys.stdout, self.color)
        self.err = _console(sys.stderr, self.color)

    def talk(self, *what: object) -> None:
        """Say something that is not the result; silent with `-q`."""
        if not self.quiet:
            self.complain(*what)

    def complain(self, *what: object) -> None:
        """Say what is wrong, with `-q` too; off a terminal without breaking lines."""
        self.err.print(*what, soft_wrap=not self.err.file.isatty())

    def write_json(self, document: object, *, indent: int | None = None) -> None:
        """Write one JSON object and a line end to standard output."""
        file = self.out.file
        is_unicode = (getattr(file, "encoding", None) or "").lower().startswith("utf")
        text = json.dumps(document, indent=indent, ensure_ascii=not is_unicode)
        file.write(f"{text}\n")
        file.flush()

    @property
    def can_redraw(self) -> bool:
        """Whether the talk goes to a terminal on which a cursor can be moved.

        Colours that somebody forced into a pipe make none of it.
        """
        return sys.stderr.isatty() and not self.err.is_dumb_terminal

    @property
    def can_ask(self) -> bool:
        """Whether somebody is there to answer a question."""
        return sys.stdin.isatty() and sys.stderr.isatty()


# What moves a cursor, or the letters around it: a name in a spec must not rewrite what is told.
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


class _Console(Console):
    """Rich's, but texts from elsewhere steer no terminal.

    And a reader who went away is an error like others: it must not end a run.
    """

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterator[Segment]:
        """As rich does; what would steer the terminal is shown as a picture of itself."""
        for segment in super().render(renderable, options):
            if segment.control or not _STEERING.search(segment.text):
                yield segment
            else:
                yield Segment(_STEERING.sub(_picture, segment.text), segment.style)

    def on_broken_pipe(self) -> None:
        raise  # noqa: PLE0704 - called while the error is handled


def _picture(match: re.Match[str]) -> str:
    code = ord(match[0])
    return chr(0x2400 + code) if code < 0x20 else "\N{REPLACEMENT CHARACTER}"  # noqa: PLR2004 - C0


def _console(stream: IO[str], color: bool | None) -> Console:
    is_terminal = stream.isatty()
    wanted = color if color is not None else _color_by_environment(is_terminal)
    width = None if is_terminal or os.environ.get("COLUMNS") else PIPE_COLUMNS
    return _Console(
        file=stream,
        width=width,
        no_color=not wanted,
        force_terminal=True if wanted else is_terminal and None,
        highlight=False,
        soft_wrap=False,
        emoji=False,
        markup=False,
    )


def _color_by_environment(is_terminal: bool) -> bool:
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR"):
        return True
    return is_terminal and os.environ.get("TERM") != "dumb"
