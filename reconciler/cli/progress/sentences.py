"""Events in words: each in a line, or two where a fix belongs to it."""

from dataclasses import dataclass
from datetime import datetime

from rich.console import Console, ConsoleOptions, RenderResult
from rich.text import Text

from reconciler.cli.layout import hanging
from reconciler.cli.progress.novelty import percent_of
from reconciler.cli.units import price, size
from reconciler.domain.durations import duration
from reconciler.domain.events import (
    ActionCompleted,
    ActionFailed,
    ActionLeft,
    ActionSkipped,
    ActionStarted,
    ActionWaiting,
    DownloadProgress,
    Event,
    JobAwaited,
    JobMade,
    JobProgress,
    MoneyFreed,
    Noticed,
    Waits,
)
from reconciler.domain.plan import ActionKind
from reconciler.domain.recorded import JobStatus, brief_id

DONE = {
    ActionKind.CREATE: "created",
    ActionKind.REMIX: "remixed",
    ActionKind.EDIT: "edited",
    ActionKind.EXTEND: "extended",
    ActionKind.REPLACE: "replaced",
    ActionKind.DELETE: "deleted",
    ActionKind.DOWNLOAD: "downloaded",
    ActionKind.PUBLISH: "published",
    ActionKind.RESTORE: "restored",
    ActionKind.ADOPT: "adopted",
    ActionKind.MOVE: "moved",
    ActionKind.FORGET: "forgotten",
    ActionKind.WAIT: "waited for",
    ActionKind.RESOLVE: "resolved",
    ActionKind.UPDATE: "updated",
    ActionKind.BLOCKED: "blocked",
}

_WAITS = {
    Waits.LOST_ANSWER: "the answer to its request was lost; its job is looked for",
    Waits.RETRY: "its job failed, and another is bought in a while",
}


@dataclass(frozen=True, slots=True)
class Entry:
    """A mark and a sentence, which goes on behind the mark where it takes several lines."""

    mark: Text
    sentence: Text

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Lay it out for a width; as one line where lines are not broken."""
        if options.no_wrap:
            yield Text.assemble(self.mark, self.sentence)
        else:
            indent = len(self.mark)
            yield from hanging(self.mark, self.sentence, options.max_width, indent=indent)


_NO_TIME = duration(0)


def end_of(event: ActionCompleted | ActionFailed | ActionSkipped | ActionLeft) -> str:
    """How an action ended, after its address; without the fix."""
    match event:
        case ActionCompleted(action=action, seconds=seconds):
            took = duration(seconds)
            return DONE[action] if took == _NO_TIME else f"{DONE[action]} in {took}"
        case ActionFailed(action=action, message=message):
            return f"{action} failed: {message}"
        case ActionSkipped(action=action, because=because):
            return f"{action} skipped, since {because}"
        case ActionLeft(action=action, remote_id=None):
            return f"{action} left to the next run"
        case ActionLeft(action=action, expires_at=expires_at):
            return f"{action} left running on the server{to_be_had(expires_at)}"


def why(failed: ActionFailed) -> str:
    """What failed, without the job's id: equal failures differ in nothing else."""
    if failed.remote_id is None:
        return failed.message
    return failed.message.replace(f" {failed.remote_id}", "")


def to_be_had(until: datetime | None) -> str:
    """Until when a video can be fetched that finishes without us."""
    return f", to be had until {until:%Y-%m-%d %H:%M} UTC at least" if until else ""


def lines_of(event: Event, at: datetime) -> list[str]:
    """An event for a log; nothing for what is not worth a line."""
    match event:
        case ActionFailed(address=address, fix=fix):
            return [f"{address}: {end_of(event)}", *([f"  fix: {fix}"] if fix else [])]
        case ActionLeft(remote_id=None):
            return []  # perhaps hundreds, which were not even begun: the summary counts them
        case ActionCompleted() | ActionSkipped() | ActionLeft():
            return [f"{event.address}: {end_of(event)}"]
        case Noticed(diagnostic=found):
            head = f"{found.severity}[{found.code}]: {found.summary}"
            return [head, *([f"  fix: {found.fix}"] if found.fix else [])]
        case ActionStarted() | ActionWaiting() | JobMade() | JobAwaited() | MoneyFreed():
            said = _step(event, at)
            return [f"{event.address}: {said}"] if said else []
        case JobProgress() | DownloadProgress():
            return [f"{event.address}: {_progress(event)}"]
        case _:
            return []


def _step(
    event: ActionStarted | ActionWaiting | JobMade | JobAwaited | MoneyFreed, at: datetime
) -> str | None:
    match event:
        case ActionStarted(action=action):
            return f"{action} begun"
        case ActionWaiting(waits_for=waits_for):
            return _WAITS.get(waits_for)
        case JobMade(remote_id=remote_id, cost_usd=cost_usd):
            return f"job {brief_id(remote_id)} made, {price(cost_usd)}"
        case JobAwaited(remote_id=remote_id, created_at=created_at, expected=expected):
            made_ago = duration((at - created_at).total_seconds())
            usual = duration(expected.likely_s)
            return f"waits for job {brief_id(remote_id)}, made {made_ago} ago; {usual} are usual"
        case MoneyFreed(because=because):
            return f"its request made nothing ({because}), and its money is free again"


def _progress(event: JobProgress | DownloadProgress) -> str:
    match event:
        case JobProgress(status=JobStatus.IN_PROGRESS, percent=percent):
            return f"in progress {percent} %" if percent else "in progress"
        case JobProgress(status=status):
            return status.value.replace("_", " ")
        case DownloadProgress(bytes_total=None):
            return f"downloading {event.variant}, {size(event.bytes)} so far"
        case DownloadProgress(bytes_total=total):
            return f"downloading {event.variant}, {percent_of(event)} % of {size(total or 0)}"
