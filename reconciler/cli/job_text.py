"""A server's jobs, in a line each for people."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.style import Style
from rich.text import Text

from reconciler.cli.layout import cut, folded, padded
from reconciler.cli.units import ago, instant, printable
from reconciler.domain.observed import ObservedJob

_ID_PERCENT_MAX = 50  # of the width
_WIDE_COLUMNS = 100  # where there is room to say how old a job is


@dataclass(frozen=True, slots=True, kw_only=True)
class JobsText:
    """What `remote list` shows: a row a job, its id whole, and as much of its prompt as fits."""

    jobs: Sequence[ObservedJob]
    recorded: Collection[str]  # remote ids
    now: datetime

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for a width."""
        width = options.max_width
        ids = [cell_len(printable(job.remote_id)) for job in self.jobs]
        # A longer id has a line of its own, so it needs no column.
        most = width * _ID_PERCENT_MAX // 100
        room = max((len("job"), *(each for each in ids if each <= most)))
        rows = [self._cells(job, width) for job in self.jobs]
        names = ("here", "state", "made") if width >= _WIDE_COLUMNS else ("here", "state")
        widths = [max(map(cell_len, column)) for column in zip(names, *rows, strict=True)]
        head = "  ".join((padded("  job", room + 2), *map(padded, names, widths), "prompt"))
        yield Text(cut(head, width), Style(bold=True))
        for job, cells in zip(self.jobs, rows, strict=True):
            yield from self._row(job, map(padded, cells, widths), room, width)

    def _row(self, job: ObservedJob, cells: Iterator[str], room: int, width: int) -> Iterator[Text]:
        symbol, color = ("✓", "green") if job.remote_id in self.recorded else ("·", "yellow")
        mark = Text(f"{symbol} ", Style(color=color))
        name = printable(job.remote_id)
        if cell_len(name) > room:
            for number, part in enumerate(folded(Text(name), width - 2)):
                yield Text.assemble("  " if number else mark, part)
            mark, name = Text("  "), ""
        rest = "  ".join((padded(name, room), *cells, printable(job.prompt or "")))
        yield Text.assemble(mark, cut(rest, width - 2).rstrip())

    def _cells(self, job: ObservedJob, width: int) -> tuple[str, ...]:
        here = "recorded" if job.remote_id in self.recorded else "unmanaged"
        made = ago(job.created_at, self.now) if job.created_at else "-"
        shown = (here, job.status.value.replace("_", " "), made)
        return shown if width >= _WIDE_COLUMNS else shown[:2]


def told(job: ObservedJob) -> str:
    """Status, time, model, length and size, as far as the server tells them; then the prompt."""
    made = instant(job.created_at) if job.created_at else None
    seconds = f"{job.seconds} s" if job.seconds else None
    facts = (job.status.value, made, job.model, seconds, job.size)
    shown = ", ".join(printable(fact) for fact in facts if fact)
    prompt = printable(job.prompt or "")
    return f"{shown}  {prompt}" if prompt else shown
