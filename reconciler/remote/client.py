"""The Videos API as `apply` uses it: the port `Server`, one method for each of its requests.

How a request is sent is `door`'s; what its answer means, `answers`'. Nothing is ever sent
twice.
"""

from collections.abc import Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager

from reconciler.domain.errors import JobGoneError
from reconciler.domain.observed import JobPage, ObservedJob
from reconciler.domain.ports import PaidRequest
from reconciler.domain.profile import DialectName, Variant, Wire
from reconciler.domain.provider import Provider
from reconciler.remote import answers
from reconciler.remote.content import HttpContent
from reconciler.remote.dialect import Dialect
from reconciler.remote.door import Door, HttpPaidCall
from reconciler.remote.official import VideosDialect
from reconciler.remote.openrouter import OpenRouterDialect
from reconciler.remote.probing import Prober
from reconciler.remote.transport import DEFAULT_TIMEOUTS, Timeouts
from reconciler.remote.xai import XaiDialect

_DIALECTS: Mapping[DialectName, Callable[[Wire], Dialect]] = {
    "videos": VideosDialect,
    "openrouter": OpenRouterDialect,
    "xai": XaiDialect,
}


class HttpServer:
    """One provider's video API: the port `Server`.

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
        self._dialect = _DIALECTS[provider.profile.wire.dialect](provider.profile.wire)
        self._door = Door(
            site=provider,
            dialect=self._dialect,
            base_url=base_url,
            key=key,
            version=version,
            uptime_s=uptime_s,
            timeouts=timeouts,
        )

    async def aclose(self) -> None:
        """Close every connection."""
        await self._door.aclose()

    def prober(self, *, stranger: str) -> Prober:
        """What finds out what this server does; `stranger` is an id that no job has."""
        return Prober(self._door, self._dialect, stranger=stranger)

    async def prepare(self, request: PaidRequest, *, token: str | None = None) -> HttpPaidCall:
        """Build a paid request whole. Starting the embedded server for it may take a while."""
        return await self._door.prepare(self._dialect.paid(request), token=token)

    async def retrieve(self, remote_id: str) -> ObservedJob:
        """Look at one job; its id is told as it was asked for."""
        answer = await self._door.ask("GET", self._dialect.job_path(remote_id))
        return answers.seen_job(answer, remote_id)

    async def page(self, *, after: str | None = None) -> JobPage:
        """One page of up to 100 jobs, newest first."""
        return await self._door.page(after=after)

    async def delete(self, remote_id: str) -> None:
        """Delete a finished job; one that is gone already is no error."""
        # Without a body and its Content-Type: QVAC refuses an empty one that calls itself JSON.
        path = self._dialect.delete_path(remote_id)
        answer = await self._door.ask("DELETE", path)
        answers.check_deleted(answer)
        if not answer.is_success and await self._is_there(remote_id):
            raise answers.absent(answer)  # 404 was about the operation, not about the job

    async def _is_there(self, remote_id: str) -> bool:
        try:
            await self.retrieve(remote_id)
        except JobGoneError:
            return False
        return True

    def content(
        self, remote_id: str, variant: Variant, *, offset: int = 0, etag: str | None = None
    ) -> AbstractAsyncContextManager[HttpContent]:
        """Open one asset for reading, as `Door.open_content`."""
        return self._door.content(remote_id, variant, offset=offset, etag=etag)
