"""A run's events as JSON, one object a line; readers ignore types that they don't know."""

from datetime import datetime
from decimal import Decimal
from typing import NotRequired

from typing_extensions import TypedDict

from reconciler.cli.documents import (
    DiagnosticDocument,
    ErrorDocument,
    PlanDocument,
    diagnostic_document,
    plan_document,
)
from reconciler.cli.units import instant
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
    MoneyFreed,
    MoneyHeld,
    Noticed,
    PlanMade,
    RunEnded,
)
from reconciler.domain.money import dollars
from reconciler.domain.recorded import RunId


class EventDocument(TypedDict):
    """One line of `apply --json` or `watch --json`.

    Which of the later fields are there depends on the type.
    """

    type: str
    time: str
    run_id: str | None
    plan: NotRequired[PlanDocument]
    address: NotRequired[str]
    action: NotRequired[str]
    status: NotRequired[str]
    percent: NotRequired[int | None]
    variant: NotRequired[str]
    bytes: NotRequired[int]
    bytes_total: NotRequired[int | None]
    waits_for: NotRequired[str]
    created_at: NotRequired[str]
    expected_seconds: NotRequired[float]
    remote_id: NotRequired[str | None]
    seconds: NotRequired[float]
    expires_at: NotRequired[str | None]
    error: NotRequired[ErrorDocument]
    because: NotRequired[str]
    running: NotRequired[int]
    queued: NotRequired[int]
    held_usd: NotRequired[str]
    spent_usd: NotRequired[str]
    diagnostic: NotRequired[DiagnosticDocument]
    completed: NotRequired[int]
    failed: NotRequired[int]
    skipped: NotRequired[int]
    left: NotRequired[int]
    cost_usd: NotRequired[str | None]
    exit_code: NotRequired[int]
    cause: NotRequired[str]  # of a plan of a watch: start, save, ask, run, tick
    paths: NotRequired[list[str]]  # that were saved, relative to the project
    addresses: NotRequired[list[str]]  # that wait for somebody's yes
    bought_before: NotRequired[list[str]]  # of these, in this watch; the state knows nothing of it
    left_usd: NotRequired[str | None]  # of the watch's --max-cost
    again_in_seconds: NotRequired[float]


def event_document(  # noqa: C901, PLR0912 - one case for each event
    event: Event, at: datetime, run_id: RunId | None
) -> EventDocument:
    """An event as its document."""
    line = EventDocument(type=_type(event), time=instant(at), run_id=run_id)
    match event:
        case PlanMade(plan=plan):
            line["plan"] = plan_document(plan)
        case JobProgress():
            line |= {"status": event.status.value, "percent": event.percent}
        case DownloadProgress():
            whole = event.bytes_total
            percent = round(100 * event.bytes / whole) if whole else None
            line |= {"status": "downloading", "percent": percent, "bytes": event.bytes}
            line |= {"variant": event.variant.value, "bytes_total": whole}
        case ActionWaiting():
            line["waits_for"] = event.waits_for.value
        case MoneyHeld() | MoneyFreed():
            line["cost_usd"] = _price(event.cost_usd)
        case JobMade():
            line |= {"remote_id": event.remote_id, "cost_usd": _price(event.cost_usd)}
        case JobAwaited():
            line |= {"remote_id": event.remote_id, "created_at": instant(event.created_at)}
            line["expected_seconds"] = round(event.expected.likely_s, 1)
        case ActionCompleted():
            line |= {"remote_id": event.remote_id, "seconds": round(event.seconds, 3)}
        case ActionLeft():
            expires_at = instant(event.expires_at) if event.expires_at else None
            line |= {"remote_id": event.remote_id, "expires_at": expires_at}
        case ActionFailed():
            error = ErrorDocument(code=event.code, message=event.message, fix=event.fix)
            line |= {"error": error, "remote_id": event.remote_id}
        case Heartbeat():
            line |= {"running": event.running, "queued": event.queued}
        case Noticed():
            line["diagnostic"] = diagnostic_document(event.diagnostic)
        case RunEnded():
            line |= {"completed": event.completed, "failed": event.failed}
            line |= {"skipped": event.skipped, "left": event.left}
            line |= {"cost_usd": dollars(event.cost_usd), "exit_code": event.exit_code}
            line |= {"held_usd": dollars(event.held_usd), "seconds": round(event.took_s, 3)}
        case ActionStarted() | ActionSkipped():
            pass
    if not isinstance(event, PlanMade | Heartbeat | Noticed | RunEnded):
        line["address"] = str(event.address)
    if isinstance(event, ActionSkipped | MoneyFreed):
        line["because"] = event.because
    if isinstance(event, ActionStarted | ActionCompleted | ActionLeft | ActionFailed):
        line["action"] = event.action.value
    if isinstance(event, MoneyHeld | MoneyFreed | JobMade | Heartbeat):
        held, spent = event.money.held_usd, event.money.spent_usd
        line |= {"held_usd": dollars(held), "spent_usd": dollars(spent)}
    return line


def _price(cost_usd: Decimal | None) -> str | None:
    return None if cost_usd is None else dollars(cost_usd)


def _type(event: Event) -> str:
    return {
        PlanMade: "plan",
        ActionStarted: "action_started",
        ActionWaiting: "action_waiting",
        MoneyHeld: "money_held",
        MoneyFreed: "money_freed",
        JobMade: "job_made",
        JobAwaited: "job_awaited",
        JobProgress: "progress",
        DownloadProgress: "progress",
        ActionCompleted: "action_completed",
        ActionLeft: "action_left",
        ActionFailed: "action_failed",
        ActionSkipped: "action_skipped",
        Heartbeat: "heartbeat",
        Noticed: "diagnostic",
        RunEnded: "summary",
    }[type(event)]
