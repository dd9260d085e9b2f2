"""What a run tells while it works: values that the rim shows as it likes."""

from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from reconciler.domain.address import Address
from reconciler.domain.errors import Diagnostic
from reconciler.domain.plan import ActionKind, Plan
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import JobStatus, RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMade:
    """The run begins with this plan."""

    plan: Plan
    run_id: RunId | None  # None: there was nothing to do, and nothing is recorded


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionStarted:
    """The first step of an action begins."""

    address: Address
    action: ActionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class JobProgress:
    """A running job was looked at."""

    address: Address
    status: JobStatus
    percent: int


@dataclass(frozen=True, slots=True, kw_only=True)
class DownloadProgress:
    """Bytes of an asset arrived."""

    address: Address
    variant: Variant
    bytes: int
    bytes_total: int | None  # None: the server did not say


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionCompleted:
    """All steps of an action are done."""

    address: Address
    action: ActionKind
    remote_id: str | None
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionLeft:
    """An action was left to the next run: recorded, and nothing is lost."""

    address: Address
    action: ActionKind
    remote_id: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionFailed:
    """A step failed; what depends on it is skipped."""

    address: Address
    action: ActionKind
    code: str
    message: str
    fix: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSkipped:
    """An action was not begun, since one that it waits for did not get done."""

    address: Address
    action: ActionKind
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """Nothing happened for a while, and the run is alive."""

    running: int  # jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class Noticed:
    """Something that a person should know."""

    diagnostic: Diagnostic


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """The last event of every run."""

    completed: int
    failed: int
    skipped: int
    left: int
    cost_usd: Decimal
    exit_code: int


Event = (
    PlanMade
    | ActionStarted
    | JobProgress
    | DownloadProgress
    | ActionCompleted
    | ActionLeft
    | ActionFailed
    | ActionSkipped
    | Heartbeat
    | Noticed
    | RunEnded
)
