"""A video job in the words of the Videos API's reference, for programs that use the client.

Literal types say what the reference knows; what is read stays open, since servers add their
own. A status that the reference does not know is a pending one: `queued`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from reconciler.domain.observed import JobPage, ObservedJob
from reconciler.domain.recorded import JobStatus

VideoModel = Literal["sora-2", "sora-2-pro"]
VideoSeconds = Literal["4", "8", "12"]
VideoSize = Literal["720x1280", "1280x720", "1024x1792", "1792x1024"]
VideoStatus = Literal["queued", "in_progress", "completed", "failed"]
VideoVariant = Literal["video", "thumbnail", "spritesheet"]
VideoOrder = Literal["asc", "desc"]

_STATUSES: Mapping[JobStatus, VideoStatus] = {
    JobStatus.QUEUED: "queued",
    JobStatus.IN_PROGRESS: "in_progress",
    JobStatus.COMPLETED: "completed",
    JobStatus.FAILED: "failed",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoError:
    """Why a generation failed, in the server's words. A value, nothing that is raised."""

    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Video:
    """A video job as its server tells it. What the server does not tell is None."""

    id: str
    status: VideoStatus
    progress: int  # percent, 0 to 100
    created_at: datetime | None = None  # all moments are aware, in UTC
    completed_at: datetime | None = None
    expires_at: datetime | None = None  # of its assets; None: not said, or never
    model: VideoModel | str | None = None
    seconds: VideoSeconds | str | None = None
    size: VideoSize | str | None = None
    prompt: str | None = None
    remixed_from_video_id: str | None = None
    error: VideoError | None = None
    object: Literal["video"] = "video"

    @property
    def is_running(self) -> bool:
        """Whether it may still change: neither completed nor failed."""
        return self.status in ("queued", "in_progress")


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoPage:
    """One page of the list. `next_after` asks for the next one; None: this was the last."""

    data: tuple[Video, ...]
    next_after: str | None
    object: Literal["list"] = "list"

    @property
    def has_more(self) -> bool:
        """Whether there is another page."""
        return self.next_after is not None

    @property
    def first_id(self) -> str | None:
        """Of the first video on this page."""
        return self.data[0].id if self.data else None

    @property
    def last_id(self) -> str | None:
        """Of the last video on this page."""
        return self.data[-1].id if self.data else None


@dataclass(frozen=True, slots=True, kw_only=True)
class VideoDeleted:
    """The word of a server that a job is deleted."""

    id: str
    deleted: bool = True
    object: Literal["video.deleted"] = "video.deleted"


def video_of(job: ObservedJob) -> Video:
    """A job in the reference's words."""
    error = None
    if job.error is not None:
        error = VideoError(code=job.error.code, message=job.error.message)
    return Video(
        id=job.remote_id,
        status=_STATUSES[job.status],
        progress=job.progress,
        created_at=job.created_at,
        completed_at=job.completed_at,
        expires_at=job.expires_at,
        model=job.model,
        seconds=job.seconds,
        size=job.size,
        prompt=job.prompt,
        remixed_from_video_id=job.remixed_from,
        error=error,
    )


def page_of(page: JobPage) -> VideoPage:
    """A page in the reference's words."""
    return VideoPage(data=tuple(map(video_of, page.jobs)), next_after=page.next_after)
