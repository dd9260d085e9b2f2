"""What a run tells while it works: values that the rim shows as it likes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from reconciler.domain.address import Address
from reconciler.domain.durations import Expected
from reconciler.domain.errors import Diagnostic
from reconciler.domain.plan import ActionKind, Plan
from reconciler.domain.profile import Variant
from reconciler.domain.recorded import JobStatus, RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """How a run's money stands, in dollars; what has no known price is not in it."""

    held_usd: Decimal  # by paid requests that are out, or of unknown outcome
    spent_usd: Decimal  # by this run


NO_MONEY = Money(held_usd=Decimal(0), spent_usd=Decimal(0))


@dataclass(frozen=True, slots=True, kw_only=True)
class Throughput:
    """How much a provider may be asked for in a run."""

    places: int  # jobs that run at once
    requests_per_minute: int


class Waits(StrEnum):
    """What an action waits for."""

    PLACE = "place"  # among the running jobs of its provider
    TURN = "turn"  # at the provider's pace of paid requests
    LOST_ANSWER = "lost_answer"  # what became of its paid request is being found out
    RETRY = "retry"  # its job failed, and another is bought in a while
    DOWNLOAD = "download"  # a place among the downloads


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanMade:
    """The run begins with this plan."""

    plan: Plan
    run_id: RunId | None  # None: there was nothing to do, and nothing is recorded
    expected: Mapping[Address, Expected] = field(default_factory=dict)
    """How long the jobs that are to be bought may take, each from its creation on."""

    throughput: Mapping[str, Throughput] = field(default_factory=dict)  # by provider


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionStarted:
    """The first step of an action begins."""

    address: Address
    action: ActionKind


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionWaiting:
    """An action that was begun cannot go on yet."""

    address: Address
    waits_for: Waits


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyHeld:
    """The cost of a paid request is held from now on, and the request goes out."""

    address: Address
    cost_usd: Decimal | None  # None: unknown
    money: Money  # of the run, after this


@dataclass(frozen=True, slots=True, kw_only=True)
class MoneyFreed:
    """A paid request certainly made nothing."""

    address: Address
    cost_usd: Decimal | None
    money: Money
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class JobMade:
    """A paid request made a job."""

    address: Address
    remote_id: str
    cost_usd: Decimal | None
    money: Money


@dataclass(frozen=True, slots=True, kw_only=True)
class JobAwaited:
    """A job runs, of this run or an earlier one, and is waited for."""

    address: Address
    remote_id: str
    created_at: datetime  # by its server's clock
    expected: Expected  # from its creation on


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
    seconds: float  # without what it waited for its turn


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
    remote_id: str | None = None  # the job that its address holds


@dataclass(frozen=True, slots=True, kw_only=True)
class ActionSkipped:
    """An action was not begun, since one that it waits for did not get done."""

    address: Address
    action: ActionKind
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat:
    """The run is alive."""

    running: int  # actions that are being done
    queued: int = 0  # actions that wait for a place, or for others to come first
    money: Money = NO_MONEY


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
    cost_usd: Decimal  # spent by this run
    exit_code: int
    held_usd: Decimal = Decimal(0)  # by requests whose outcome is still unknown
    took_s: float = 0.0


Event = (
    PlanMade
    | ActionStarted
    | ActionWaiting
    | MoneyHeld
    | MoneyFreed
    | JobMade
    | JobAwaited
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
