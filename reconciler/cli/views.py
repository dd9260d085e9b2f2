"""How a run is shown: live at a terminal, a line an event elsewhere, JSON for scripts."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from rich.console import Group, RenderableType
from rich.live import Live
from rich.style import Style
from rich.text import Text

from reconciler.cli.diagnostic_text import diagnostics_text
from reconciler.cli.events import event_document
from reconciler.cli.plan_text import SYMBOLS
from reconciler.cli.terminal import Terminal
from reconciler.cli.units import plural, size
from reconciler.domain.address import Address
from reconciler.domain.durations import duration
from reconciler.domain.events import (
    ActionCompleted,
    ActionFailed,
    ActionLeft,
    ActionSkipped,
    ActionStarted,
    DownloadProgress,
    Event,
    JobProgress,
    Noticed,
    PlanMade,
    RunEnded,
)
from reconciler.domain.money import dollars
from reconciler.domain.plan import ActionKind
from reconciler.domain.recorded import RunId

_ROWS_MAX = 12
_BAR = 20
Now = Callable[[], datetime]


class View(Protocol):
    """Shows the events of one run."""

    def tell(self, event: Event) -> None:
        """Show one event."""

    def say(self, line: str) -> None:
        """Show a sentence that is no event."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


@dataclass(slots=True, kw_only=True)
class JsonView:
    """One JSON object a line, to standard output."""

    terminal: Terminal
    now: Now
    _run: RunId | None = None

    def tell(self, event: Event) -> None:
        """Print one event."""
        if isinstance(event, PlanMade):
            self._run = event.run_id
        self.terminal.write_json(event_document(event, self.now(), self._run))

    def say(self, line: str) -> None:
        """Keep the documents clean: sentences go to standard error."""
        self.terminal.talk(line)

    def close(self) -> None:
        """Nothing is to be undone."""


@dataclass(slots=True, kw_only=True)
class LineView:
    """One line an event, to standard error; the outcome to standard output."""

    terminal: Terminal
    _told: dict[Address, str] = field(default_factory=dict)

    def tell(self, event: Event) -> None:
        """Print one event, if it says something new."""
        match event:
            case JobProgress(address=address, status=status):
                if self._told.get(address) != status:
                    self._told[address] = status
                    self.terminal.talk(f"{address}: {status}")
            case ActionStarted(address=address, action=action):
                self.terminal.talk(f"{address}: {action} begun")
            case RunEnded():
                self.terminal.out.print(outcome_text(event))
            case ActionFailed():
                self.terminal.complain(event_text(event))
            case _:
                line = event_text(event)
                if line is not None:
                    self.terminal.talk(line)

    def say(self, line: str) -> None:
        """Print a sentence."""
        self.terminal.talk(line)

    def close(self) -> None:
        """Nothing is to be undone."""


@dataclass(slots=True)
class _Row:
    action: ActionKind
    began: datetime
    doing: str = "waiting for a place"
    percent: int | None = None


class LiveView:
    """What is under way in rows that move, and what is done in lines above them."""

    def __init__(self, terminal: Terminal, now: Now) -> None:
        self._terminal = terminal
        self._now = now
        self._rows: dict[Address, _Row] = {}
        self._total = 0
        self._over = 0
        self._live = Live(
            console=terminal.err,
            get_renderable=self._render,
            refresh_per_second=8,
            transient=True,
        )
        self._live.start()

    def tell(self, event: Event) -> None:
        """Move a row, or print a line above them."""
        match event:
            case PlanMade(plan=plan):
                self._total = sum(bool(action.steps) for action in plan.actions)
            case ActionStarted(address=address, action=action):
                self._rows[address] = _Row(action, self._now())
            case JobProgress(address=address, status=status, percent=percent):
                self._move(address, status.value.replace("_", " "), percent)
            case DownloadProgress(address=address):
                whole = event.bytes_total
                percent = round(100 * event.bytes / whole) if whole else 0
                self._move(address, f"downloading {event.variant} {size(event.bytes)}", percent)
            case RunEnded():
                self.close()
                self._terminal.out.print(outcome_text(event))
            case ActionCompleted() | ActionFailed() | ActionSkipped() | ActionLeft():
                self._over += 1
                self._rows.pop(event.address, None)
                self._above(event)
            case _:
                self._above(event)

    def say(self, line: str) -> None:
        """Print a sentence above the rows."""
        self._terminal.err.print(line)

    def close(self) -> None:
        """Take the rows away, and give the cursor back."""
        self._live.stop()

    def _above(self, event: Event) -> None:
        line = event_text(event)
        if line is not None:
            self._terminal.err.print(line)

    def _move(self, address: Address, doing: str, percent: int | None) -> None:
        row = self._rows.get(address)
        if row is not None:
            row.doing, row.percent = doing, percent

    def _render(self) -> Group:
        shown = list(self._rows.items())[:_ROWS_MAX]
        width = max((len(str(address)) for address, _ in shown), default=0)
        lines = [self._line(address, row, width) for address, row in shown]
        more = len(self._rows) - len(shown)
        rest = f", {more} more under way" if more > 0 else ""
        lines.append(Text(f"  {self._over} of {self._total} done{rest}", Style(dim=True)))
        return Group(*lines)

    def _line(self, address: Address, row: _Row, width: int) -> Text:
        symbol, color = SYMBOLS[row.action]
        elapsed = duration((self._now() - row.began).total_seconds())
        full = _BAR if row.percent is None else round(_BAR * row.percent / 100)
        bar = " " * _BAR if row.percent is None else "█" * full + "░" * (_BAR - full)
        percent = "" if row.percent is None else f"{row.percent} %"
        return Text.assemble(
            (f"  {symbol} ", Style(color=color, bold=True)),
            (str(address).ljust(width), Style(bold=True)),
            "  ",
            (bar, Style(color=color)),
            f"  {percent:>5}  {elapsed:>6}  {row.doing}",
            no_wrap=True,
            overflow="ellipsis",
        )


def event_text(event: Event) -> RenderableType | None:
    """One event in a line or a few; None for what is not worth one."""
    match event:
        case ActionCompleted(address=address, action=action, seconds=seconds):
            symbol, color = SYMBOLS[action]
            return Text.assemble(
                (f"  {symbol} ", Style(color=color, bold=True)),
                (str(address), Style(bold=True)),
                f": {action} done in {duration(seconds)}",
            )
        case ActionFailed(address=address, action=action, message=message, fix=fix):
            line = Text.assemble(
                ("  ! ", Style(color="red", bold=True)),
                (str(address), Style(bold=True)),
                f": {action} failed: {message}",
            )
            return Text("\n").join([line, Text(f"      fix: {fix}")]) if fix else line
        case ActionSkipped(address=address, action=action, because=because):
            return Text(f"  - {address}: {action} skipped, since {because}")
        case ActionLeft(address=address, action=action, remote_id=remote_id):
            if remote_id is None:
                return Text(f"  … {address}: {action} left to the next run")
            until = event.expires_at
            when = f", to be had until {until:%Y-%m-%d %H:%M} UTC at least" if until else ""
            return Text(f"  … {address}: {action} left running on the server{when}")
        case Noticed(diagnostic=diagnostic):
            return diagnostics_text([diagnostic])
        case _:
            return None


def outcome_text(event: RunEnded) -> Text:
    """The last line of a run."""
    good = event.failed == event.skipped == event.left == 0
    parts = [f"{event.completed} done"]
    parts += [f"{event.failed} failed"] if event.failed else []
    parts += [f"{event.skipped} skipped"] if event.skipped else []
    parts += [f"{plural(event.left, 'action')} left to the next run"] if event.left else []
    head = ("Applied: ", "bold green") if good else ("Not all is done: ", "bold yellow")
    go_on = "\nGo on with: sorafile apply" if event.left else ""
    return Text.assemble(head, f"{', '.join(parts)}; ${dollars(event.cost_usd)} spent.{go_on}")
