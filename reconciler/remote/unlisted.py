"""What the protocols share that make a job and show it, and neither list nor delete any."""

from collections.abc import Mapping
from typing import ClassVar

from reconciler.domain.errors import RejectedError
from reconciler.domain.observed import JobPage
from reconciler.domain.ports import CreateRequest, PaidRequest
from reconciler.domain.probing import Catalogue
from reconciler.domain.profile import Wire, WireStatus
from reconciler.remote.official import job_path
from reconciler.remote.shapes import Shapes


class UnlistedDialect:
    """Half a `Dialect`: what a create says anyhow, and that there is no more.

    Their profiles say so, too, so nothing asks for it; who does is told.
    """

    service: ClassVar[str]
    shapes: ClassVar[Shapes]
    own_statuses: ClassVar[Mapping[str, WireStatus]]

    def __init__(self, wire: Wire) -> None:
        """Speak it; what `wire` says of the encoding of a create means nothing here."""
        self.wire = wire
        self.statuses: Mapping[str, WireStatus] = {**self.own_statuses, **wire.statuses}

    def fields_of(self, request: PaidRequest) -> tuple[CreateRequest, dict[str, object]]:
        """A request that makes a new video, and its JSON without a reference.

        Raises:
            RejectedError: it remixes a job, or its size has no words.
        """
        if not isinstance(request, CreateRequest):
            raise self.lacks("way to make a video from another job")
        resolution, aspect_ratio = self.shapes.of(request.size)
        fields: dict[str, object] = {
            "model": request.model,
            "prompt": request.prompt,
            "duration": request.seconds,
            "resolution": resolution,
            "aspect_ratio": aspect_ratio,
        }
        return request, {**request.extra, **fields}

    @property
    def catalogue_path(self) -> str | None:
        """Nowhere, as far as anybody knows."""
        return None

    def catalogue(self, body: bytes) -> Catalogue:  # noqa: ARG002 - the Protocol's
        """Nothing."""
        return {}

    def job_path(self, remote_id: str) -> str:
        """Where one job is."""
        return job_path(remote_id)

    def delete_path(self, remote_id: str) -> str:  # noqa: ARG002 - the Protocol's
        """Nowhere."""
        raise self.lacks("way to delete a job")

    def page_path(self, *, limit: int, order: str, after: str | None) -> str:  # noqa: ARG002 - the Protocol's
        """Nowhere."""
        raise self.lacks("list of jobs")

    def page(self, body: bytes, *, after: str | None) -> JobPage:  # noqa: ARG002 - the Protocol's
        """None."""
        raise self.lacks("list of jobs")

    def lacks(self, what: str) -> RejectedError:
        """The error for what the service has not."""
        return RejectedError(f"{self.service} has no {what}; nothing was asked", status=405)
