"""The Videos API as `apply` uses it: the port `Server`, one method for each of its requests.

How a request is sent is `door`'s; what its answer means, `answers`'. Nothing is ever sent
twice.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import assert_never

from reconciler.domain.observed import JobPage, ObservedJob
from reconciler.domain.ports import (
    CreateRequest,
    EditRequest,
    EditUploadRequest,
    ExtendRequest,
    PaidRequest,
    RemixRequest,
)
from reconciler.domain.profile import Variant
from reconciler.domain.provider import Provider
from reconciler.remote import answers
from reconciler.remote.content import HttpContent
from reconciler.remote.door import (
    Door,
    HttpPaidCall,
    PaidPost,
    create_post,
    edit_post,
    edit_upload_post,
    extend_post,
    job_path,
    reference_upload,
    remix_post,
)
from reconciler.remote.transport import DEFAULT_TIMEOUTS, Timeouts


class HttpServer:
    """One provider's Videos API: the port `Server`.

    Bound to the event loop of its first request.
    """

    def __init__(
        self,
        *,
        provider: Provider,
        base_url: Callable[[], Awaitable[str]],
        key: Callable[[], str | None],
        version: str,
        uptime_s: Callable[[], float],
        timeouts: Timeouts = DEFAULT_TIMEOUTS,
    ) -> None:
        """Send nothing yet.

        Args:
            provider: whose server it is.
            base_url: asked before each request, since the embedded server may come back on
                another port; may raise `UnavailableError`.
            key: fetches the key; may block and raise `UnauthorizedError`. None: there is none.
            version: the program's, for the user agent.
            uptime_s: as of the port `Clock`.
            timeouts: how long to wait for the server.
        """
        self._door = Door(
            site=provider,
            base_url=base_url,
            key=key,
            version=version,
            uptime_s=uptime_s,
            timeouts=timeouts,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._door.aclose()

    async def prepare(self, request: PaidRequest) -> HttpPaidCall:
        """Build a paid request whole. Starting the embedded server for it may take a while."""
        return await self._door.prepare(_post(request))

    async def retrieve(self, remote_id: str) -> ObservedJob:
        """Look at one job; its id is told as it was asked for."""
        answer = await self._door.ask("GET", job_path(remote_id))
        return answers.seen_job(answer, remote_id)

    async def page(self, *, after: str | None = None) -> JobPage:
        """One page of up to 100 jobs, newest first."""
        return await self._door.page(after=after)

    async def delete(self, remote_id: str) -> None:
        """Delete a finished job; one that is gone already is no error."""
        # Without a body and its Content-Type: QVAC refuses an empty one that calls itself JSON.
        answers.check_deleted(await self._door.ask("DELETE", job_path(remote_id)))

    def content(
        self, remote_id: str, variant: Variant, *, offset: int = 0, etag: str | None = None
    ) -> AbstractAsyncContextManager[HttpContent]:
        """Open one asset for reading, as `Door.open_content`."""
        return self._door.content(remote_id, variant, offset=offset, etag=etag)


def _post(request: PaidRequest) -> PaidPost:
    match request:
        case CreateRequest():
            return _create_post(request)
        case RemixRequest(parent=parent, prompt=prompt):
            return remix_post(parent, prompt)
        case EditRequest(parent=parent, prompt=prompt):
            return edit_post(parent, prompt)
        case EditUploadRequest(prompt=prompt, model=model, video=video):
            return edit_upload_post(video, prompt, model=model)
        case ExtendRequest(parent=parent, prompt=prompt, seconds=seconds):
            return extend_post(parent, prompt, seconds=str(seconds))
        case _:
            assert_never(request)


def _create_post(request: CreateRequest) -> PaidPost:
    reference = None
    if request.reference is not None:
        if request.reference_bytes is None:
            raise ValueError("a reference without its bytes")
        reference = reference_upload(request.reference_bytes, request.reference.media_type)
    return create_post(
        prompt=request.prompt,
        model=request.model,
        seconds=str(request.seconds),
        size=request.size,
        reference=reference,
    )
