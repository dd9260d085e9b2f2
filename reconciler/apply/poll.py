"""Waiting for running jobs, with as few requests as the server allows."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace

from reconciler.apply.observe import find_in_list
from reconciler.domain.errors import (
    JobGoneError,
    NotSentError,
    RejectedError,
    ServerError,
    StateError,
    UnavailableError,
)
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import Clock, Server, StateWriter
from reconciler.domain.profile import Profile
from reconciler.domain.recorded import Generation, JobStatus
from reconciler.plan.index import MISSING_SIGHTINGS

GIVE_UP_S = 120.0
"""For how long a server may be out of reach before its jobs are left to the next run."""

Tell = Callable[[ObservedJob], None]


@dataclass(slots=True)
class _Watched:
    generation: Generation
    done: asyncio.Future[Generation]
    tells: list[Tell]  # one for each address that waits for this job


class Poller:
    """Looks at all running jobs of one provider together, in one task."""

    def __init__(
        self, *, profile: Profile, server: Callable[[], Server], state: StateWriter, clock: Clock
    ) -> None:
        self._profile = profile
        self._server = server
        self._state = state
        self._clock = clock
        self._watched: dict[str, _Watched] = {}
        self._task: asyncio.Task[None] | None = None

    async def finished(self, generation: Generation, tell: Tell) -> Generation:
        """Wait until a job is completed or failed, and return it as it is then.

        Raises:
            JobGoneError: the server said often enough that it knows no such job.
            UnavailableError: the server could not be reached for a long time.
        """
        watched = self._watched.get(generation.remote_id)
        if watched is None:
            done: asyncio.Future[Generation] = asyncio.get_running_loop().create_future()
            watched = _Watched(generation=generation, done=done, tells=[])
            self._watched[generation.remote_id] = watched
        watched.tells.append(tell)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        try:
            return await asyncio.shield(watched.done)
        finally:
            watched.tells.remove(tell)
            if not watched.tells:
                self._watched.pop(generation.remote_id, None)

    async def aclose(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _poll(self) -> None:
        out_of_reach_since = None
        wait_s = self._profile.poll_interval_s
        while self._watched:
            await self._clock.sleep(wait_s)
            wait_s = self._profile.poll_interval_s
            try:
                await self._look()
                out_of_reach_since = None
            except (UnavailableError, NotSentError) as error:
                now = self._clock.now()
                out_of_reach_since = out_of_reach_since or now
                if (now - out_of_reach_since).total_seconds() >= GIVE_UP_S:
                    self._fail_all(error)
                asked = error.retry_after_s if isinstance(error, UnavailableError) else None
                wait_s = max(wait_s, asked or 0.0)
            except (ServerError, StateError) as error:
                self._fail_all(error)

    async def _look(self) -> None:
        server = self._server()
        unseen = dict(self._watched)
        if self._profile.list != "none" and len(unseen) > 1:
            for job in await find_in_list(server, unseen.keys()):
                self._saw(unseen.pop(job.remote_id), job)
        for remote_id, watched in unseen.items():
            try:
                self._saw(watched, await server.retrieve(remote_id))
            except JobGoneError as error:
                self._saw_missing(watched, error)
            except RejectedError as error:
                if not watched.done.done():
                    watched.done.set_exception(error)

    def _saw(self, watched: _Watched, job: ObservedJob) -> None:
        before = watched.generation
        if (job.status, job.progress) != (before.status, before.progress):
            self._state.saw(before.id, job)
        now = after_sighting(before, job)
        watched.generation = now
        for tell in watched.tells:
            tell(job)
        if not now.status.is_running and not watched.done.done():
            watched.done.set_result(now)

    def _saw_missing(self, watched: _Watched, error: JobGoneError) -> None:
        now = self._state.saw_missing(watched.generation.id)
        watched.generation = now
        since = now.missing_since or self._clock.now()
        long_enough = (self._clock.now() - since).total_seconds() >= self._profile.settle_s
        if now.missing_count >= MISSING_SIGHTINGS and long_enough and not watched.done.done():
            watched.done.set_exception(error)

    def _fail_all(self, error: Exception) -> None:
        for watched in self._watched.values():
            if not watched.done.done():
                watched.done.set_exception(error)


def after_sighting(generation: Generation, job: ObservedJob) -> Generation:
    """A generation brought up to date; a finished one never runs again."""
    finished = not generation.status.is_running
    status = generation.status if finished and job.status.is_running else job.status
    return replace(
        generation,
        status=status,
        progress=100 if status is JobStatus.COMPLETED else job.progress,
        completed_at=job.completed_at or generation.completed_at,
        expires_at=job.expires_at or generation.expires_at,
        error=job.error or generation.error,
        missing_count=0,
        missing_since=None,
    )
