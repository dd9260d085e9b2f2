"""Where every action of a run stands, by the events that were told so far."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import StrEnum

from reconciler.domain.address import Address
from reconciler.domain.durations import Expected
from reconciler.domain.events import (
    NO_MONEY,
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
    Money,
    MoneyFreed,
    MoneyHeld,
    Noticed,
    PlanMade,
    RunEnded,
    Throughput,
    Waits,
)
from reconciler.domain.plan import Action
from reconciler.domain.recorded import JobStatus
from reconciler.plan.forecast import Look, remaining_s

_LOOKS_KEPT = 40
_SPEED_OVER_S = 5.0  # what is told as the speed of a download is that of its last seconds
_ENDS_ENOUGH = 3  # jobs of this run, to be asked how fast its provider is today
_ENDS_KEPT = 20


class Doing(StrEnum):
    """What an action is busy with."""

    STEPS = "steps"  # of its own, each short
    WAITING = "waiting"  # for what `Track.waits_for` says
    REQUEST = "request"  # its paid request is out
    JOB = "job"  # its job runs
    DOWNLOAD = "download"


@dataclass(slots=True, kw_only=True)
class Track:
    """One action that was begun and is not over."""

    action: Action
    since: datetime  # of what it is busy with; of a job, its creation
    doing: Doing = Doing.STEPS
    waits_for: Waits | None = None
    status: JobStatus = JobStatus.QUEUED
    percent: int | None = None
    expected: Expected | None = None  # of its job
    bytes: int = 0
    bytes_total: int | None = None
    _looks: deque[Look] = field(default_factory=lambda: deque(maxlen=_LOOKS_KEPT))
    _came: deque[tuple[datetime, int]] = field(default_factory=deque)  # when, how many bytes

    @property
    def is_queued(self) -> bool:
        """Whether it waits for a place before anything of it is done."""
        return self.doing is Doing.WAITING and self.waits_for is Waits.PLACE

    def elapsed_s(self, at: datetime) -> float:
        """Since when it does what it does; a server's clock may be ahead."""
        return max((at - self.since).total_seconds(), 0.0)

    def remaining_s(self, at: datetime, pace: float) -> float | None:
        """Of its job or download; None where nobody can tell, or it takes longer than usual.

        Args:
            at: now.
            pace: how long jobs of its provider take today, to what was expected.
        """
        if self.doing is Doing.DOWNLOAD:
            speed = self.bytes_per_s
            left = None if self.bytes_total is None else self.bytes_total - self.bytes
            return left / speed if left is not None and speed else None
        if self.expected is None or self.doing is not Doing.JOB:
            return None
        today = Expected(
            likely_s=pace * self.expected.likely_s, usual_s=pace * self.expected.usual_s
        )
        return remaining_s(today, self.elapsed_s(at), self._looks)

    @property
    def bytes_per_s(self) -> float | None:
        """How fast its download is; None while that cannot be told."""
        if len(self._came) < 2:  # noqa: PLR2004 - a speed is between two
            return None
        (began, before), (ended, after) = self._came[0], self._came[-1]
        seconds = (ended - began).total_seconds()
        return (after - before) / seconds if seconds > 0 and after > before else None

    def go_on(self, doing: Doing, at: datetime, waits_for: Waits | None = None) -> None:
        """Be busy with something else."""
        if (doing, waits_for) != (self.doing, self.waits_for):
            self.doing, self.waits_for, self.since, self.percent = doing, waits_for, at, None

    def run(self, event: JobAwaited, at: datetime) -> None:
        """Wait for a job, which may be of an earlier run."""
        self.go_on(Doing.JOB, at)
        self.since, self.expected = min(event.created_at, at), event.expected
        self._looks.clear()

    def look(self, event: JobProgress, at: datetime) -> None:
        """See how its job stands."""
        made_at = self.since if self.doing is Doing.JOB else at
        self.go_on(Doing.JOB, made_at)
        self.status, self.percent = event.status, event.percent
        self._looks.append(Look(self.elapsed_s(at), event.percent))

    def take_in(self, event: DownloadProgress, at: datetime) -> None:
        """See how much of a download came."""
        if self.doing is not Doing.DOWNLOAD or event.bytes < self.bytes:
            self._came.clear()
        self.go_on(Doing.DOWNLOAD, at)
        self.bytes, self.bytes_total = event.bytes, event.bytes_total
        if event.bytes_total:
            self.percent = min(100 * event.bytes // event.bytes_total, 100)
        self._came.append((at, event.bytes))
        while (at - self._came[0][0]).total_seconds() > _SPEED_OVER_S and len(self._came) > 2:  # noqa: PLR2004 - a speed is between two
            self._came.popleft()


@dataclass(slots=True, kw_only=True)
class Board:
    """One run, at one moment."""

    began_at: datetime
    total: int = 0  # actions
    done: int = 0
    failed: int = 0
    skipped: int = 0
    left: int = 0
    money: Money = NO_MONEY
    worst_case_usd: Decimal = Decimal(0)
    unknown: int = 0  # actions without a known price
    spares: int = 0  # that are looked after beside the actions
    active: dict[Address, Track] = field(default_factory=dict)  # in the order of their begin
    queued: dict[Address, Track] = field(default_factory=dict)  # that wait for a place
    not_begun: dict[Address, Action] = field(default_factory=dict)  # parents first
    widest: int = 0  # characters of the longest address
    _depends_on: dict[Address, tuple[Address, ...]] = field(default_factory=dict)
    _expected: dict[Address, Expected] = field(default_factory=dict)
    _throughput: dict[str, Throughput] = field(default_factory=dict)
    _paces: dict[str, deque[float]] = field(default_factory=dict)

    @property
    def over(self) -> int:
        """Actions of which the end was told."""
        return self.done + self.failed + self.skipped + self.left

    @property
    def waiting(self) -> int:
        """Actions that wait for a place, or for others to come first."""
        return len(self.queued) + len(self.not_begun)

    def hear(self, event: Event, at: datetime) -> None:
        """Take one more event into account."""
        match event:
            case PlanMade():
                self._begin(event)
            case ActionStarted(address=address):
                action = self.not_begun.pop(address, None)
                if action is not None:
                    self.active[address] = Track(action=action, since=at)
            case ActionCompleted() | ActionFailed() | ActionSkipped() | ActionLeft():
                self._end(event)
            case Heartbeat(money=money):
                self.money = money
            case Noticed() | RunEnded():
                pass
            case _:
                if isinstance(event, MoneyHeld | MoneyFreed | JobMade):
                    self.money = event.money
                track = self.active.get(event.address) or self.queued.get(event.address)
                if track is not None:
                    self._move(track, event, at)
                    self._sort_in(event.address, track)

    def pace(self, provider: str) -> float:
        """How long a provider's jobs take in this run, to what was expected of them."""
        known = sorted(self._paces.get(provider, ()))
        return known[len(known) // 2] if len(known) >= _ENDS_ENOUGH else 1.0

    def remaining_s(self, at: datetime) -> float | None:
        """How long the run is likely to go on; None where nobody can tell.

        Every provider needs the time of its fullest queue, or of its longest chain.
        """
        if not self.over < self.total:
            return 0.0
        ends: dict[Address, float] = {}  # of each action, in seconds from now
        work: dict[str, float] = {}  # by provider, for all its places together
        requests: dict[str, int] = {}
        unsaid = False
        for address, track in self.active.items():
            remaining = track.remaining_s(at, self.pace(track.action.provider))
            unsaid |= remaining is None and track.doing is Doing.JOB
            ends[address] = remaining or 0.0
            name = track.action.provider
            if track.doing is not Doing.DOWNLOAD:
                work[name] = work.get(name, 0.0) + ends[address]
        for address, action in self._to_come():
            needs = self._expected.get(address)
            needs_s = self.pace(action.provider) * needs.likely_s if needs else 0.0
            before = (ends.get(each, 0.0) for each in self._depends_on.get(address, ()))
            ends[address] = max(before, default=0.0) + needs_s
            work[action.provider] = work.get(action.provider, 0.0) + needs_s
            requests[action.provider] = requests.get(action.provider, 0) + 1
        through = (self._through_s(name, work[name], requests.get(name, 0)) for name in work)
        longest = max((*ends.values(), *through), default=0.0)
        return None if unsaid and longest <= 0 else longest

    def _through_s(self, provider: str, work_s: float, requests: int) -> float:
        limits = self._throughput.get(provider)
        if limits is None:
            return 0.0
        return max(work_s / limits.places, 60 * requests / limits.requests_per_minute)

    def _to_come(self) -> Iterator[tuple[Address, Action]]:
        for address, track in self.queued.items():
            yield address, track.action
        yield from self.not_begun.items()

    def _begin(self, event: PlanMade) -> None:
        self.not_begun = {each.address: each for each in event.plan.actions if each.steps}
        self.total = len(self.not_begun)
        self.worst_case_usd = event.plan.cost.worst_case_usd
        self.unknown, self.spares = event.plan.cost.unknown, len(event.plan.spares)
        self.widest = max((len(str(address)) for address in self.not_begun), default=0)
        self._depends_on = {each.address: each.depends_on for each in event.plan.actions}
        self._expected = dict(event.expected)
        self._throughput = dict(event.throughput)

    def _move(
        self,
        track: Track,
        event: ActionWaiting
        | MoneyHeld
        | MoneyFreed
        | JobMade
        | JobAwaited
        | JobProgress
        | DownloadProgress,
        at: datetime,
    ) -> None:
        match event:
            case ActionWaiting(waits_for=waits_for):
                track.go_on(Doing.WAITING, at, waits_for)
            case MoneyHeld():
                track.go_on(Doing.REQUEST, at)
            case MoneyFreed() | JobMade():
                track.go_on(Doing.STEPS, at)
            case JobAwaited():
                track.run(event, at)
            case JobProgress(status=status):
                self._learn(track, event, at)
                if status.is_running:
                    track.look(event, at)
                else:
                    track.go_on(Doing.STEPS, at)
            case DownloadProgress():
                track.take_in(event, at)

    def _learn(self, track: Track, event: JobProgress, at: datetime) -> None:
        """Note how fast a provider is today; a job of an earlier run tells nothing of today."""
        is_new = track.since >= self.began_at and track.doing is Doing.JOB
        if event.status is JobStatus.COMPLETED and is_new and track.expected is not None:
            paces = self._paces.setdefault(track.action.provider, deque(maxlen=_ENDS_KEPT))
            paces.append(track.elapsed_s(at) / track.expected.likely_s)

    def _sort_in(self, address: Address, track: Track) -> None:
        if track.is_queued:
            self.active.pop(address, None)
            self.queued[address] = track
        elif address in self.queued:
            self.active[address] = self.queued.pop(address)

    def _end(self, event: ActionCompleted | ActionFailed | ActionSkipped | ActionLeft) -> None:
        for those in (self.active, self.queued, self.not_begun):
            those.pop(event.address, None)
        match event:
            case ActionCompleted():
                self.done += 1
            case ActionFailed():
                self.failed += 1
            case ActionSkipped():
                self.skipped += 1
            case ActionLeft():
                self.left += 1
