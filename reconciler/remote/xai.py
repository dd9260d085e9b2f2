"""The dialect of xAI's video API, which only looks like the official protocol.

Nobody here has spent money on it. Sure are the fields, the ranges and the ways in which a job
ends: xAI's own protocol buffers (repository xai-org/xai-proto) and REST reference, read in stored
copies of autumn 2026. How `/v1/videos/ID` behaves besides (an empty 202, a 400 for a video that
was held back) is what several independent clients handle, and is marked below.
"""

import re
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import PaidRequest
from reconciler.domain.profile import Variant, WireStatus
from reconciler.domain.recorded import JobStatus
from reconciler.remote import wire as reading
from reconciler.remote.dialect import PaidPost
from reconciler.remote.official import data_url, reference_of
from reconciler.remote.shapes import Shapes
from reconciler.remote.unlisted import UnlistedDialect

SHAPES = Shapes(
    resolutions={480: "480p", 720: "720p", 1080: "1080p"},
    ratios=("16:9", "9:16", "1:1", "4:3", "3:4", "3:2", "2:3"),
)

_KNOWN = frozenset({"pending", "done", "failed", "expired"})
_MODERATED = re.compile(r"content[ _-]?moderat", re.IGNORECASE)


class XaiDialect(UnlistedDialect):
    """The paths and bodies of `/v1/videos/generations`: a `Dialect`."""

    service = "xAI"
    shapes = SHAPES
    own_statuses: ClassVar[Mapping[str, WireStatus]] = {
        "pending": "in_progress",
        "done": "completed",
    }

    def paid(self, request: PaidRequest) -> PaidPost:
        """A new video. A reference is its first frame, as with the official protocol.

        The API edits videos, too, but those at a URL: a job's own does not last.
        """
        create, fields = self.fields_of(request)
        reference = reference_of(create)
        if reference is not None:
            fields["image"] = {"url": data_url(reference)}
        return PaidPost(path="/videos/generations", json=fields)

    def content_path(self, remote_id: str, variant: Variant) -> str:  # noqa: ARG002 - the Protocol's
        """Nowhere: a video is at the URL that its job tells."""
        raise self.lacks(f"{variant.value} of a job but the video at its URL")

    def job(self, body: bytes, *, remote_id: str | None = None) -> ObservedJob:
        """The job that a body tells of."""
        data = self._protocols(body, is_looked_at=remote_id is not None)
        return reading.job_from(data, remote_id=remote_id, statuses=self.statuses)

    def told_status(self, body: bytes, *, remote_id: str | None = None) -> JobStatus | None:
        """The status of a body with an id and a status, or of a job whose video is held back.

        By other people's clients the look at such a job is answered with a 400 for ever. The
        same words to a create mean that nothing was made.
        """
        if remote_id is not None and _is_held_back(body):
            return JobStatus.FAILED
        try:
            match reading.parse(body):
                case {"request_id": str(), "status": str(said)} if said in _KNOWN:
                    return self.job(body, remote_id=remote_id).status
        except reading.UnreadableError:
            pass
        return None

    def end(self, body: bytes) -> Literal["expired", "deleted"] | None:
        """`expired`: the request is kept no more, whatever became of its video."""
        data = self._protocols(body, is_looked_at=True)
        said = reading.status_of(data)
        return reading.end_of({"status": self.statuses.get(said, said)})

    def result_url(self, body: bytes) -> str | None:
        """The URL in the job's `video`; it is another origin's, and wants no key."""
        return reading.result_url(_video(_read(body)))

    def _protocols(self, body: bytes, *, is_looked_at: bool) -> object:
        """A body as the official protocol would say it."""
        data = _read(body) if is_looked_at else reading.parse(body)
        if not isinstance(data, dict):
            return data
        video = _video(data)
        kept: dict[str, object] = {
            "id": data.get("request_id"),
            "status": data.get("status"),
            "progress": data.get("progress"),
            "error": data.get("error"),
            "model": data.get("model"),
            "seconds": video.get("duration"),
        }
        if kept["status"] is None and video.get("url"):
            kept["status"] = "done"  # early clients saw finished jobs without a status
        if is_looked_at and _is_held_back(body):
            said = reading.complaint_from(body)
            code = said.code or "moderation_blocked"
            return {**kept, "status": "failed", "error": {"code": code, "message": said.message}}
        if video.get("respect_moderation") is False:
            blocked = {"code": "moderation_blocked", "message": "the video is held back"}
            return {**kept, "status": "failed", "error": blocked}
        return kept


def _read(body: bytes) -> object:
    """What a look at a job answers; it may be empty while the job runs, by the AI SDK's tests."""
    return reading.parse(body) if body.strip() else {"status": "pending"}


def _video(data: object) -> Mapping[str, Any]:
    video = data.get("video") if isinstance(data, dict) else None
    return video if isinstance(video, dict) else {}


def _is_held_back(body: bytes) -> bool:
    """Whether a body without a video or a status complains of what the video shows."""
    try:
        data = reading.parse(body)
    except reading.UnreadableError:
        return False
    if not isinstance(data, dict) or "status" in data or "video" in data:
        return False
    said = reading.complaint_from(body)
    return bool(_MODERATED.search(f"{said.code or ''} {said.message}"))
