"""The jobs of a simulated server: a queue in front of a few slots, and what each job costs.

A job cannot be hurried or stopped, so all that will become of it is settled as it is made.
"""

import heapq
import io
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from reconciler.assets.media import identify
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import CreateRequest, EditUploadRequest, ExtendRequest, PaidRequest
from reconciler.domain.recorded import JobError, JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of a job."""

    duration_s: float = 60.0
    error: JobError | None = None  # it fails with this
    fails_times: int | None = None  # the first jobs of a prompt alone; None: all of them
    is_stuck: bool = False  # it begins, and never ends
    lifetime_s: float | None = None  # of its assets, if it is shorter than the server tells


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One job, its whole life known."""

    remote_id: str
    prompt: str
    model: str
    seconds: int
    size: str  # WIDTHxHEIGHT
    parent: str | None  # remote id
    cost_usd: Decimal
    created_at: datetime
    begins_at: datetime
    ends_at: datetime | None  # None: never
    expires_at: datetime | None  # None: it never has assets, or keeps them
    error: JobError | None
    request: PaidRequest | None = None  # what it was made for; None: another's, elsewhere
    shows_at: datetime | None = None  # from when on anybody can see it; None: at once
    gone_at: datetime | None = None  # when its assets go, if before the server's word

    def is_seen(self, at: datetime) -> bool:
        """Whether the server shows it at a moment."""
        return (self.shows_at or self.created_at) <= at

    def has_assets(self, at: datetime) -> bool:
        """Whether its assets can be had at a moment."""
        ends = [moment for moment in (self.expires_at, self.gone_at) if moment is not None]
        return self.status(at) is JobStatus.COMPLETED and all(at < moment for moment in ends)

    def status(self, at: datetime) -> JobStatus:
        """How it stands at a moment."""
        if self.ends_at is not None and at >= self.ends_at:
            return JobStatus.FAILED if self.error else JobStatus.COMPLETED
        return JobStatus.IN_PROGRESS if at >= self.begins_at else JobStatus.QUEUED

    def observed(self, at: datetime) -> ObservedJob:
        """How the server tells it at a moment."""
        status = self.status(at)
        done = status is JobStatus.COMPLETED
        return ObservedJob(
            remote_id=self.remote_id,
            status=status,
            progress=self._progress(at),
            created_at=self.created_at,
            completed_at=self.ends_at if done else None,
            expires_at=self.expires_at if done else None,
            error=self.error if status is JobStatus.FAILED else None,
            prompt=self.prompt,
            model=self.model,
            seconds=str(self.seconds),
            size=self.size,
            remixed_from=self.parent,
        )

    def _progress(self, at: datetime) -> int:
        if self.ends_at is None:
            return 40 if at >= self.begins_at else 0
        if at >= self.ends_at:
            return 100
        whole_s = (self.ends_at - self.begins_at).total_seconds()
        return max(0, int(100 * (at - self.begins_at).total_seconds() / whole_s))


class _Shape(NamedTuple):
    """What a request comes to."""

    model: str
    seconds: int
    size: str
    parent: str | None
    new_seconds: int  # which are billed


@dataclass(slots=True, kw_only=True)
class Workshop:
    """All jobs that were ever made, in their order."""

    slots: int
    usd_per_second: Decimal
    lifetime_s: float | None  # of assets, from completion
    fates: dict[str, Fate] = field(default_factory=dict)  # by prompt
    jobs: dict[str, Job] = field(default_factory=dict)  # by remote id
    deleted: set[str] = field(default_factory=set)
    _free_at: list[datetime] = field(default_factory=list)

    def make(
        self, request: PaidRequest, at: datetime, *, is_ours: bool = True, hidden_s: float = 0.0
    ) -> Job:
        """Take in one more job; it is billed. Nobody sees it before `hidden_s` are over."""
        shape = self._shape(request)
        fate = self.fates.get(request.prompt, Fate())
        earlier = sum(job.prompt == request.prompt for job in self.jobs.values())
        fails = fate.fails_times is None or earlier < fate.fails_times
        begins_at = self._slot_from(at)
        ends_at = None if fate.is_stuck else begins_at + timedelta(seconds=fate.duration_s)
        if ends_at is not None:
            heapq.heappush(self._free_at, ends_at)
        made = Job(
            remote_id=f"video_{len(self.jobs) + 1}",
            prompt=request.prompt,
            model=shape.model,
            seconds=shape.seconds,
            size=shape.size,
            parent=shape.parent,
            cost_usd=self.usd_per_second * shape.new_seconds,
            created_at=at,
            begins_at=begins_at,
            ends_at=ends_at,
            expires_at=_later(ends_at, self.lifetime_s),
            error=fate.error if fails else None,
            request=request if is_ours else None,
            shows_at=at + timedelta(seconds=hidden_s),
            gone_at=_later(ends_at, fate.lifetime_s),
        )
        self.jobs[made.remote_id] = made
        return made

    def _shape(self, request: PaidRequest) -> "_Shape":
        if isinstance(request, CreateRequest):
            return _Shape(request.model, request.seconds, request.size, None, request.seconds)
        if isinstance(request, EditUploadRequest):
            media = identify(io.BytesIO(request.video))
            seconds = round(media.duration_s or 0)
            size = f"{media.width}x{media.height}"
            return _Shape(request.model or "sora-2", seconds, size, None, seconds)
        of = self.jobs[request.parent]
        if isinstance(request, ExtendRequest):
            total = of.seconds + request.seconds
            return _Shape(of.model, total, of.size, of.remote_id, request.seconds)
        return _Shape(of.model, of.seconds, of.size, of.remote_id, of.seconds)

    def alter(self, remote_id: str, **changes: object) -> None:
        """Make a job another than it was asked for, or than it was."""
        self.jobs[remote_id] = replace(self.jobs[remote_id], **changes)  # type: ignore[arg-type]

    def find(self, remote_id: str) -> Job | None:
        """A job that is there and was not deleted."""
        return None if remote_id in self.deleted else self.jobs.get(remote_id)

    def newest_first(self) -> list[Job]:
        """All jobs that are there."""
        return [job for job in reversed(self.jobs.values()) if job.remote_id not in self.deleted]

    @property
    def billed_usd(self) -> Decimal:
        """What all jobs cost; whatever becomes of them."""
        return sum((job.cost_usd for job in self.jobs.values()), Decimal(0))

    @property
    def most_at_once(self) -> int:
        """How many jobs were ever unfinished at the same moment."""
        jobs = self.jobs.values()
        counts = (sum(_is_open(other, job.created_at) for other in jobs) for job in jobs)
        return max(counts, default=0)

    def _slot_from(self, at: datetime) -> datetime:
        if len(self._free_at) < self.slots:
            return at
        return max(at, heapq.heappop(self._free_at))


def _later(ends_at: datetime | None, lifetime_s: float | None) -> datetime | None:
    if ends_at is None or lifetime_s is None:
        return None
    return ends_at + timedelta(seconds=lifetime_s)


def _is_open(job: Job, at: datetime) -> bool:
    return job.created_at <= at and (job.ends_at is None or at < job.ends_at)
