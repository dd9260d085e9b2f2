"""What a job is, and how it lives: a pure function of its row and of the time.

No process has to be alive for a job to go on. Whoever looks at a row computes the same
status from it; only the rendered file has to be made by somebody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from reconciler.preview.moderation import failure_message

ASSETS_LAST_S = 24 * 60 * 60  # unless a server is told otherwise

# How long a job takes, in paces: so many in the queue, so many to run, and some more
# for each four seconds of video.
_QUEUED_PACES = 0.3
_RUNNING_PACES = 1.0
_EXTRA_PACES = 0.1
_EXTRA_EVERY_S = 4

_POLL_MS = (50, 10_000)


class Operation(StrEnum):
    """What made a job."""

    CREATE = "create"
    REMIX = "remix"
    EDIT = "edit"
    EXTEND = "extend"


class Status(StrEnum):
    """How far a job is, in the API's own words."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What becomes of a job, where it is not simply made."""

    failure: str | None = None  # the error code that it ends with, half-way
    stuck_at: int | None = None  # percent, beyond which it never comes
    hidden_s: float = 0.0  # for how long no list shows it
    lost_after_s: float | None = None  # when the server forgets it


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One stored row. Times are unix seconds, with fractions."""

    sequence: int = 0  # the order of creation, across all processes; 0 before it is stored
    video_id: str
    prompt: str
    model: str
    seconds: int
    size: str  # WIDTHxHEIGHT
    hue: int  # degrees; a remix has it from its parent
    has_reference: bool
    remixed_from: str | None  # what it was remixed, edited or extended from
    created_at: float
    pace_s: float
    bound_to_fail: str | None  # the error code that it ends with
    operation: Operation = Operation.CREATE
    assets_last_s: float = ASSETS_LAST_S
    free_from: float = 0.0  # when a slot is free for it; 0: at once
    stuck_at: int | None = None  # percent
    listed_from: float = 0.0
    lost_from: float | None = None
    family: str = ""  # hexadecimal: what remixes of one video, and theirs, have in common
    idempotency_key: str | None = None
    fingerprint: str | None = None  # of the request that the key came with
    rendered_at: float | None = None  # when the video file was first there
    render_failed_at: float | None = None

    @property
    def starts_at(self) -> float:
        """When the job leaves the queue."""
        return max(self.created_at + _QUEUED_PACES * self.pace_s, self.free_from)

    @property
    def due_at(self) -> float:
        """When the job completes, provided that its file is there."""
        paces = _RUNNING_PACES + _EXTRA_PACES * self.seconds / _EXTRA_EVERY_S
        return self.starts_at + paces * self.pace_s

    def is_known(self, now: float) -> bool:
        """Whether the server has not forgotten it."""
        return self.lost_from is None or now < self.lost_from

    @property
    def needs_rendering(self) -> bool:
        """Whether a video file is still to be made."""
        is_settled = self.rendered_at is not None or self.render_failed_at is not None
        return not is_settled and self.bound_to_fail is None and self.stuck_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Life:
    """How a job stands at one moment."""

    status: Status
    progress: int  # percent
    completed_at: int | None = None
    expires_at: int | None = None
    error_code: str | None = None


def life_of(job: Job, now: float) -> Life:
    """Tell how `job` stands at `now`."""
    if now < job.starts_at:
        return Life(status=Status.QUEUED, progress=0)
    span_s = job.due_at - job.starts_at
    done = (now - job.starts_at) / span_s if span_s > 0 else 1.0
    if job.stuck_at is not None:
        progress = min(job.stuck_at, max(1, int(100 * done)))
        return Life(status=Status.IN_PROGRESS, progress=progress)
    if job.bound_to_fail is not None and done >= 0.5:  # noqa: PLR2004 - half-way
        return Life(status=Status.FAILED, progress=50, error_code=job.bound_to_fail)
    if job.render_failed_at is not None:
        return Life(status=Status.FAILED, progress=50, error_code="processing_error")
    if done < 1 or job.rendered_at is None:
        return Life(status=Status.IN_PROGRESS, progress=min(99, max(1, int(100 * done))))
    completed_at = int(max(job.due_at, job.rendered_at))
    return Life(
        status=Status.COMPLETED,
        progress=100,
        completed_at=completed_at,
        expires_at=int(completed_at + job.assets_last_s),
    )


def poll_after_ms(job: Job) -> int:
    """Return how long a client does well to wait before it looks again."""
    low, high = _POLL_MS
    return min(high, max(low, round(job.pace_s * 1000 / 4)))


def to_video(job: Job, life: Life) -> dict[str, Any]:
    """Return the Video object of the API, with every field it has."""
    code = life.error_code
    return {
        "id": job.video_id,
        "object": "video",
        "model": job.model,
        "status": life.status,
        "progress": life.progress,
        "created_at": int(job.created_at),
        "completed_at": life.completed_at,
        "expires_at": life.expires_at,
        "prompt": job.prompt,
        "size": job.size,
        "seconds": str(job.seconds),
        "remixed_from_video_id": job.remixed_from,
        "error": {"code": code, "message": failure_message(code)} if code else None,
    }
