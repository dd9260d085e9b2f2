"""What a dialect is: how the requests of one protocol look, and what its answers tell.

A dialect is pure. It builds the requests and reads the bodies; the door sends them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from reconciler.domain.observed import JobPage, ObservedJob
from reconciler.domain.ports import PaidRequest
from reconciler.domain.probing import Catalogue
from reconciler.domain.profile import Variant, Wire
from reconciler.domain.recorded import JobStatus


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A file that travels with a request."""

    name: str
    data: bytes
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidPost:
    """A paid request as it goes on the wire: JSON, or a form where it has `form`."""

    path: str
    json: Mapping[str, object] | None = None
    form: Mapping[str, str | Upload] | None = None

    def body(self) -> dict[str, Any]:
        """The body as httpx takes it.

        The form is multipart even without a file, as the official clients send it. A file has
        a name and a media type, without which servers take it for text.
        """
        if self.form is None:
            return {"json": self.json}
        parts: list[tuple[str, Any]] = [
            (name, (None, value))
            if isinstance(value, str)
            else (name, (value.name, value.data, value.media_type))
            for name, value in self.form.items()
        ]
        return {"files": parts}


class Dialect(Protocol):
    """One protocol. Paths follow the base URL, and begin with a slash.

    What a body must tell and does not raises `UnreadableError`.
    """

    @property
    def wire(self) -> Wire:
        """How this server speaks it."""

    @property
    def catalogue_path(self) -> str | None:
        """Where the server tells what its models can do, for nothing; None: nowhere."""

    def catalogue(self, body: bytes) -> Catalogue:
        """What the document there tells."""

    def paid(self, request: PaidRequest) -> PaidPost:
        """A request that costs money.

        Raises:
            RejectedError: the protocol has none for it.
        """

    def job_path(self, remote_id: str) -> str:
        """Where one job is.

        Raises:
            RejectedError: the text would lead elsewhere.
        """

    def delete_path(self, remote_id: str) -> str:
        """Where one job is deleted.

        Raises:
            RejectedError: the protocol deletes nothing, or as `job_path`.
        """

    def content_path(self, remote_id: str, variant: Variant) -> str:
        """Where an asset of a job is.

        Raises:
            RejectedError: the protocol has none such, or as `job_path`.
        """

    def page_path(self, *, limit: int, order: str, after: str | None) -> str:
        """Where a page of the list is.

        Raises:
            RejectedError: the protocol has no list.
        """

    def job(self, body: bytes, *, remote_id: str | None = None) -> ObservedJob:
        """The job that a body tells of; under `remote_id`, where one was asked for."""

    def page(self, body: bytes, *, after: str | None) -> JobPage:
        """The page of jobs that a body is; raises as `page_path`."""

    def told_status(self, body: bytes, *, remote_id: str | None = None) -> JobStatus | None:
        """The status of the job that a body plainly is, whatever HTTP status it came with.

        With `remote_id` the body answers a look at that job.
        """

    def end(self, body: bytes) -> Literal["expired", "deleted"] | None:
        """Whether the job in a body, which was looked at, cannot give anything any more."""

    def result_url(self, body: bytes) -> str | None:
        """Where the job in a body says that its video is; None where it does not."""
