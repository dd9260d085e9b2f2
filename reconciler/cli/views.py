"""How a run is shown: live at a terminal, a line an event elsewhere, JSON for scripts."""

import asyncio
import signal
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from rich.console import RenderableType
from rich.style import Style
from rich.text import Text

from reconciler.cli.diagnostic_text import diagnostic_text
from reconciler.cli.events import event_document
from reconciler.cli.plan_text import SYMBOLS
from reconciler.cli.progress.board import Board
from reconciler.cli.progress.novelty import Novelty
from reconciler.cli.progress.outcome import Outcome
from reconciler.cli.progress.pane import Pane
from reconciler.cli.progress.rows import board_lines, standing
from reconciler.cli.progress.sentences import Entry, end_of, lines_of, why
from reconciler.cli.terminal import Terminal
from reconciler.domain.address import Address
from reconciler.domain.events import (
    ActionCompleted,
    ActionFailed,
    ActionLeft,
    ActionSkipped,
    ActionStarted,
    ActionWaiting,
    DownloadProgress,
    Event,
    Heartbeat,
    JobAwaited,
    JobMade,
    JobProgress,
    Noticed,
    PlanMade,
    RunEnded,
    Waits,
)
from reconciler.domain.recorded import RunId

Now = Callable[[], datetime]

_POINTS = 1  # percent, between two documents about one job or download
_LOG_POINTS = 25  # likewise between two lines
_STANDING_S = 60.0  # between two lines about the whole run
_FRAME_S = 0.2
_STAMP = "          "  # as wide as the time and the gap behind it
_SAYS_SO_ITSELF = ActionCompleted | ActionFailed | ActionSkipped | ActionLeft | JobAwaited
"""What tells that an action was begun without a line of its own."""


class View(Protocol):
    """Shows the events of one run."""

    def tell(self, event: Event) -> None:
        """Show one event."""

    def say(self, line: str, /) -> None:
        """Show a sentence that is no event."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


@dataclass(slots=True, kw_only=True)
class JsonView:
    """One JSON object a line, to standard output."""

    terminal: Terminal
    now: Now
    _run: RunId | None = None
    _novelty: Novelty = field(default_factory=lambda: Novelty(_POINTS))

    def tell(self, event: Event) -> None:
        """Print one event, if it says something new."""
        if isinstance(event, PlanMade):
            self._run = event.run_id
        if isinstance(event, JobProgress | DownloadProgress) and not self._novelty.is_new(event):
            return
        self.terminal.write_json(event_document(event, self.now(), self._run))

    def say(self, line: str) -> None:
        """Keep the documents clean: sentences go to standard error."""
        self.terminal.talk(line)

    def close(self) -> None:
        """Nothing is to be undone."""


class LineView:
    """One line an event, with its time, to standard error; the summary to standard output."""

    def __init__(self, *, terminal: Terminal, now: Now) -> None:
        self._terminal = terminal
        self._now = now
        self._stood_at = now()
        self._board = Board(began_at=now())
        self._outcome = Outcome()
        self._novelty = Novelty(_LOG_POINTS)
        self._to_begin: dict[Address, ActionStarted] = {}  # told once it has a place
        self._made: set[Address] = set()  # of which the job was told

    def tell(self, event: Event) -> None:
        """Print one event, if it says something new."""
        at = self._now()
        self._board.hear(event, at)
        self._outcome.hear(event)
        match event:
            case RunEnded():
                _conclude(self._terminal, self._outcome, event)
            case ActionFailed():
                self._print(event, at, self._terminal.complain)
            case Heartbeat():
                if (at - self._stood_at).total_seconds() >= _STANDING_S:
                    self._stood_at = at
                    self._stamped([standing(self._board, at)], at, self._terminal.talk)
            case ActionStarted(address=address):
                self._to_begin[address] = event
            case _:
                if self._is_worth_it(event):
                    self._print(event, at, self._terminal.talk)

    def say(self, line: str) -> None:
        """Print a sentence."""
        self._stamped([line], self._now(), self._terminal.talk)

    def close(self) -> None:
        """Nothing is to be undone."""

    def _is_worth_it(self, event: Event) -> bool:
        match event:
            case JobProgress() | DownloadProgress():
                return self._novelty.is_new(event)
            case JobMade(address=address):
                self._made.add(address)
                return True
            case JobAwaited(address=address):
                return address not in self._made
            case _:
                return True

    def _print(self, event: Event, at: datetime, say: Callable[..., None]) -> None:
        lines = lines_of(event, at)
        address = getattr(event, "address", None)
        is_queued = isinstance(event, ActionWaiting) and event.waits_for is Waits.PLACE
        if address is not None and not is_queued:
            begun = self._to_begin.pop(address, None)
            if begun is not None and not isinstance(event, _SAYS_SO_ITSELF):
                self._stamped(lines_of(begun, at), at, self._terminal.talk)
        self._stamped(lines, at, say)

    def _stamped(self, lines: list[str], at: datetime, say: Callable[..., None]) -> None:
        for number, line in enumerate(lines):
            say(Text(_STAMP if number else f"{at.astimezone():%H:%M:%S}  ").append(line))


class LiveView:
    """What is under way in rows that move, and what is done in lines above them.

    The rows are drawn anew some times a second, as long as an event loop runs: what takes long
    moves on though nothing is told.
    """

    def __init__(self, terminal: Terminal, now: Now) -> None:
        self._terminal = terminal
        self._now = now
        self._board = Board(began_at=now())
        self._outcome = Outcome()
        self._pane = Pane(terminal.err)
        self._above: list[RenderableType] = []
        self._drawn_at: datetime | None = None
        self._broken: Exception | None = None
        self._ticking: asyncio.TimerHandle | None = None
        self._continued: Any = signal.SIG_DFL
        with suppress(RuntimeError):  # there is none: then only what is told moves the rows
            self._tick(asyncio.get_running_loop())
        with suppress(ValueError):  # in no main thread are there signals
            # Not the loop's own handler: that comes after a timer that ran out meanwhile.
            self._continued = signal.signal(
                signal.SIGCONT, lambda _signal, _frame: self._pane.forget()
            )

    def tell(self, event: Event) -> None:
        """Move a row, or print a line above them."""
        if self._broken is not None:
            raise self._broken
        at = self._now()
        self._board.hear(event, at)
        self._outcome.hear(event)
        if isinstance(event, RunEnded):
            self.close()
            _conclude(self._terminal, self._outcome, event)
            return
        line = _above(event, self._terminal.err.width)
        if line is not None:
            self._above.append(line)
        if self._drawn_at is None or (at - self._drawn_at).total_seconds() >= _FRAME_S:
            self._draw(at)

    def say(self, what: RenderableType) -> None:
        """Print something above the rows."""
        self._above.append(what)
        self._draw(self._now())

    def close(self) -> None:
        """Take the rows away."""
        if self._ticking is not None:
            self._ticking.cancel()
        with suppress(ValueError):
            signal.signal(signal.SIGCONT, self._continued)
        above, self._above = self._above, []
        self._pane.close(above)

    def _tick(self, loop: asyncio.AbstractEventLoop) -> None:
        self._ticking = loop.call_later(_FRAME_S, self._tick, loop)
        if self._drawn_at is None:
            return
        try:
            self._draw(self._now())
        except Exception as error:  # noqa: BLE001 - whoever tells the next event hears of it
            self._broken = error
            self._ticking.cancel()

    def _draw(self, at: datetime) -> None:
        above, self._above = self._above, []
        self._drawn_at = at
        width, height = self._terminal.err.size
        self._pane.draw(
            board_lines(self._board, at.astimezone(), width=width, height=height), above
        )


def _conclude(terminal: Terminal, outcome: Outcome, ended: RunEnded) -> None:
    """Print the summary; off a terminal without breaking lines."""
    terminal.out.print(outcome.text(ended), soft_wrap=not terminal.out.file.isatty())


def _above(event: Event, width: int) -> RenderableType | None:
    """What stays of an event: one line, whose fix is told at the end; a notice as a whole.

    What is left, which may be hundreds at once, is told at the end alone.
    """
    match event:
        case ActionCompleted(address=address, action=action):
            symbol, color = SYMBOLS[action]
            mark = Text(f"  {symbol} ", Style(color=color, bold=True))
        case ActionFailed(address=address):
            mark = Text("  ! ", Style(color="red", bold=True))
        case ActionSkipped(address=address):
            mark = Text("  - ")
        case Noticed(diagnostic=found):
            return diagnostic_text(found)
        case _:
            return None
    end = (
        f"{event.action} failed: {why(event)}" if isinstance(event, ActionFailed) else end_of(event)
    )
    line = Text.assemble((str(address), "bold"), f": {end}")
    if isinstance(event, ActionFailed | ActionSkipped):  # told in full at the end
        line.truncate(max(width - 1 - len(mark), len(str(address)) + 2), overflow="ellipsis")
    return Entry(mark, line)
