"""Who tells what a watch does: in lines for a person, in documents for scripts."""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol, assert_never

from rich.console import Console
from rich.text import Text

from reconciler.cli.diagnostic_text import diagnostics_text
from reconciler.cli.documents import ErrorDocument, diagnostic_document, plan_document
from reconciler.cli.events import EventDocument
from reconciler.cli.terminal import Terminal
from reconciler.cli.units import instant
from reconciler.cli.views import JsonView, LineView, LiveView, View
from reconciler.cli.watch_text import (
    Told,
    broken_text,
    hesitating_text,
    planned_text,
    spent_text,
    trouble_text,
    waiting_text,
)
from reconciler.domain.errors import Diagnostic
from reconciler.domain.events import ActionLeft, Event, RunEnded
from reconciler.domain.money import dollars
from reconciler.watch.rim import (
    Broken,
    Ending,
    Hesitating,
    Idle,
    News,
    Planned,
    Spent,
    Trouble,
    Waiting,
)

Now = Callable[[], datetime]


class Voice(Protocol):
    """Shows what a watch tells, and the runs in it."""

    def tell(self, news: News) -> None:
        """Show what happened."""

    def warn(self, found: tuple[Diagnostic, ...]) -> None:
        """Show warnings about the files."""

    def say(self, line: str) -> None:
        """Show a sentence."""

    def view(self, is_recalled: Callable[[], bool]) -> View:
        """What shows one run; `is_recalled` says whether it stops for another one to follow."""

    def close(self) -> None:
        """Leave the terminal as it was found."""


@dataclass(slots=True, kw_only=True)
class TextVoice:
    """Tells a person, with the time of each thing."""

    terminal: Terminal
    now: Now
    root: Path
    has_keys: bool
    verbose: bool
    _trouble: str = ""  # that was told last, and nothing since
    _warnings: tuple[Diagnostic, ...] = ()
    _live: LiveView | None = None

    def tell(self, news: News) -> None:
        """Show what happened; a plan is the result, and all else talk."""
        if isinstance(news, Idle):
            return
        if isinstance(news, Trouble):
            is_known, self._trouble = news.error.message == self._trouble, news.error.message
            if is_known:
                return
        else:
            self._trouble = ""
        told = self._told(news)
        if told is None:
            return
        if isinstance(news, Planned):
            self._put(told, self.terminal.out)
        elif isinstance(news, Broken | Trouble) or not self.terminal.quiet:
            self._put(told, self.terminal.err)

    def _told(self, news: News) -> Told | None:
        match news:
            case Planned():
                lag_s = lag_of(news, self.now())
                return planned_text(news, self.root, lag_s, verbose=self.verbose)
            case Broken():
                return broken_text(news, self.root)
            case Waiting():
                return waiting_text(news, has_keys=self.has_keys)
            case Hesitating():
                return hesitating_text(news)
            case Spent():
                return spent_text(news)
            case Ending():
                return Told(Text("Ending: nothing more is begun. Ctrl-C again ends at once."))
            case Trouble():
                return trouble_text(news)
            case Idle():
                return None
            case _:
                assert_never(news)

    def _put(self, told: Told, console: Console) -> None:
        what = told.at(self.now())
        if self._live is not None and console.is_terminal:
            self._live.say(what)  # beside the rows, it would be written into them
        else:
            is_log = console is self.terminal.err and not console.is_terminal
            console.print(what, soft_wrap=is_log)

    def warn(self, found: tuple[Diagnostic, ...]) -> None:
        """Show warnings about the files, once for as long as they stay the same."""
        if found and found != self._warnings and not self.terminal.quiet:
            told = Told(Text("To know of the files:"), (diagnostics_text(found),))
            self._put(told, self.terminal.err)
        self._warnings = found

    def say(self, line: str) -> None:
        """Show a sentence."""
        if not self.terminal.quiet:
            self._put(Told(Text(line)), self.terminal.err)

    def view(self, is_recalled: Callable[[], bool]) -> View:
        """What shows one run."""
        if self.terminal.can_redraw and not self.terminal.quiet:
            self._live = LiveView(self.terminal, self.now)
            return _RunView(self._live, is_recalled, self._closed)
        return _RunView(LineView(terminal=self.terminal, now=self.now), is_recalled, self._closed)

    def _closed(self) -> None:
        self._live = None

    def close(self) -> None:
        """Leave the terminal as it was found."""
        if self._live is not None:
            self._live.close()


@dataclass(slots=True)
class _RunView:
    """One run of a watch: what it leaves to the next one, a moment later, is no news."""

    inner: View
    is_recalled: Callable[[], bool]
    closed: Callable[[], None]

    def tell(self, event: Event) -> None:
        """Show one event."""
        if self.is_recalled() and isinstance(event, ActionLeft | RunEnded):
            return
        self.inner.tell(event)

    def say(self, line: str) -> None:
        """Show a sentence."""
        self.inner.say(line)

    def close(self) -> None:
        """Leave the terminal as it was found."""
        self.inner.close()
        self.closed()


@dataclass(slots=True, kw_only=True)
class JsonVoice:
    """Prints one JSON object a line, to standard output."""

    terminal: Terminal
    now: Now
    root: Path
    _view: JsonView = field(init=False)

    def __post_init__(self) -> None:
        self._view = JsonView(terminal=self.terminal, now=self.now)

    def tell(self, news: News) -> None:
        """Print what happened."""
        match news:
            case Broken(found=found):
                self.warn(found)
            case Planned(plan=plan, cause=cause):
                paths = [os.path.relpath(each, self.root) for each in sorted(news.paths)]
                line = self._line("plan")
                self._write(line | {"plan": plan_document(plan), "cause": cause, "paths": paths})
            case Waiting(verdict=verdict):
                line = self._line("waiting")
                line |= {"addresses": [str(each.address) for each in verdict.waiting]}
                line["bought_before"] = [str(each.address) for each in verdict.forgotten]
                line |= {"because": verdict.because, "cost_usd": dollars(verdict.waiting_usd)}
                self._write(line | ({"cost_usd": None} if verdict.has_unknown_price else {}))
            case Spent(permission=permission):
                left_usd = permission.left_usd
                line = self._line("budget")
                self._write(line | {"left_usd": None if left_usd is None else dollars(left_usd)})
            case Trouble(error=error, again_in_s=again_in_s):
                told = ErrorDocument(code=error.code, message=error.message, fix=error.fix)
                line = self._line("trouble")
                self._write(line | {"error": told, "again_in_seconds": again_in_s})
            case Idle(is_running=is_running):
                if not is_running:
                    self._write(self._line("heartbeat") | {"running": 0})
            case Hesitating() | Ending():
                pass
            case _:
                assert_never(news)

    def _line(self, type_: str) -> EventDocument:
        return EventDocument(type=type_, time=instant(self.now()), run_id=None)

    def _write(self, line: EventDocument) -> None:
        self.terminal.write_json(line)

    def warn(self, found: tuple[Diagnostic, ...]) -> None:
        """Print what is wrong with the files, or doubtful."""
        for each in found:
            self._write(self._line("diagnostic") | {"diagnostic": diagnostic_document(each)})

    def say(self, line: str) -> None:
        """Keep the documents clean: sentences go to standard error."""
        self.terminal.talk(line)

    def view(self, is_recalled: Callable[[], bool]) -> View:  # noqa: ARG002 - scripts see all of it
        """What prints one run."""
        return self._view

    def close(self) -> None:
        """Nothing is to be undone."""


def lag_of(news: Planned, now: datetime) -> float | None:
    """Seconds from the last save to the plan; None where nothing tells when that was."""
    times = []
    for path in news.paths:
        try:
            found = path.stat()
        except OSError:
            continue
        times.append(max(found.st_mtime, found.st_ctime))  # a renamed file keeps the one
    return now.timestamp() - max(times) if times else None
