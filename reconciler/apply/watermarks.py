"""What a server's list shows just before a paid request is sent."""

import asyncio
from collections.abc import Callable

from reconciler.domain.errors import NotSentError, RejectedError, UnavailableError
from reconciler.domain.ports import Clock, Server
from reconciler.domain.profile import ListCompleteness

_FRESH_S = 2.0


class Watermarks:
    """The ids that one provider lists, newest first: what is there already is nobody's answer.

    Requests that begin within moments of each other share one look.
    """

    def __init__(
        self, *, completeness: ListCompleteness, server: Callable[[], Server], clock: Clock
    ) -> None:
        self._has_list = completeness != "none"
        self._server = server
        self._clock = clock
        self._looking = asyncio.Lock()
        self._seen: tuple[str, ...] = ()
        self._seen_at_s: float | None = None  # by a clock that is never set back

    async def take(self) -> tuple[str, ...] | None:
        """The ids of the newest page; None where the server has no list.

        Raises:
            NotSentError: the list cannot be read now, so nothing should be sent.
            UnauthorizedError: the server refuses the key.
        """
        async with self._looking:
            if self._has_list and not self._is_fresh():
                await self._look()
            return self._seen if self._has_list else None

    async def _look(self) -> None:
        began_at_s = self._clock.uptime_s()
        try:
            page = await self._server().page()
        except UnavailableError as error:
            raise NotSentError(
                f"its list could not be read before sending: {error.message}", fix=error.fix
            ) from error
        except RejectedError:
            self._has_list = False  # whatever its profile says
            return
        self._seen = tuple(job.remote_id for job in page.jobs)
        self._seen_at_s = began_at_s

    def _is_fresh(self) -> bool:
        seen_at_s = self._seen_at_s
        return seen_at_s is not None and self._clock.uptime_s() - seen_at_s < _FRESH_S
