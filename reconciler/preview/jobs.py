"""What a job is, and how it lives: a pure function of its row and of the time.

No process has to be alive for a job to go on. Whoever looks at a row computes the same
status from it; only the rendered file has to be made by somebody.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

ASSETS_LAST_S = 24 * 60 * 60

# How long a job takes, in paces: so many in the queue, so many to run, and some more
# for each four seconds of video.
_QUEUED_PACES = 0.3
_RUNNING_PACES = 1.0
_EXTRA_PACES = 0.1
_EXTRA_EVERY_S = 4

_POLL_MS = (50, 10_000)

# Words that make a job fail, so that failures can be rehearsed without spending anything.
# A prompt that contains one of them is accepted and its job then fails with this code.
REHEARSAL_WORDS = {
    "sora-fail-moderation": "moderation_blocked",
    "sora-fail-processing": "processing_error",
}

_FAILURES = {
    "moderation_blocked": "The request was blocked by the moderation system.",
    "processing_error": "The video could not be made. Another try may succeed.",
}


class Status(StrEnum):
    """How far a job is, in the API's own words."""

    QUEUED = "queued"
    IN_PROGRESS = "in_progress"
    COMPLETED = "completed"
    FAILED = "failed"


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
    remixed_from: str | None
    created_at: float
    pace_s: float
    bound_to_fail: str | None  # the error code, if the prompt rehearses a failure
    rendered_at: float | None = None  # when the video file was first there
    render_failed_at: float | None = None

    @property
    def starts_at(self) -> float:
        """When the job leaves the queue."""
        return self.created_at + _QUEUED_PACES * self.pace_s

    @property
    def due_at(self) -> float:
        """When the job completes, provided that its file is there."""
        paces = _RUNNING_PACES + _EXTRA_PACES * self.seconds / _EXTRA_EVERY_S
        return self.starts_at + paces * self.pace_s

    @property
    def needs_rendering(self) -> bool:
        """Whether a video file is still to be made."""
        is_settled = self.rendered_at is not None or self.render_failed_at is not None
        return not is_settled and self.bound_to_fail is None


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
        expires_at=completed_at + ASSETS_LAST_S,
    )


def failure_rehearsed_by(prompt: str) -> str | None:
    """Return the error code that a prompt asks for by a rehearsal word, if any."""
    folded = prompt.casefold()
    return next((code for word, code in REHEARSAL_WORDS.items() if word in folded), None)


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
        "error": {"code": code, "message": _FAILURES[code]} if code else None,
    }
