"""Waiting for running jobs, with as few requests as the server allows."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from reconciler.apply.listing import find_in_list
from reconciler.apply.pacing import RETRY_AFTER_S_MAX
from reconciler.domain.errors import JobGoneError, NotSentError, RejectedError, UnavailableError
from reconciler.domain.observed import ObservedJob
from reconciler.domain.ports import Clock, Server, StateWriter
from reconciler.domain.profile import Profile
from reconciler.domain.recorded import Generation, JobStatus
from reconciler.plan.deadlines import is_overdue, overdue

GIVE_UP_S = 120.0
"""For how long a server may be out of reach before its jobs are left to the next run."""

Tell = Callable[[ObservedJob], None]


class OverdueError(Exception):
    """A job still runs after its deadline; `job` says so for people."""

    def __init__(self, job: str) -> None:
        super().__init__(job)
        self.job = job


@dataclass(slots=True, kw_only=True, eq=False)
class _Waiting:
    """One address that waits for a job."""

    tell: Tell
    deadline_s: float | None
    done: asyncio.Future[Generation]


@dataclass(slots=True)
class _Watched:
    generation: Generation
    waiting: list[_Waiting]
    out_of_reach_since: datetime | None = None


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

    async def finished(
        self, generation: Generation, tell: Tell, *, deadline_s: float | None = None
    ) -> Generation:
        """Wait until a job is completed or failed, and return it as it is then.

        Args:
            generation: a running one.
            tell: is told of every look.
            deadline_s: for how long to wait, from when the job was made; None: to its end.

        Raises:
            OverdueError: it was looked at after its deadline, and still runs.
            JobGoneError: the server said often enough that it knows no such job.
            UnavailableError: the server could not be reached for a long time.
        """
        watched = self._watched.get(generation.remote_id)
        if watched is None:
            watched = _Watched(generation=generation, waiting=[])
            self._watched[generation.remote_id] = watched
        if not watched.generation.status.is_running:
            return watched.generation  # the others that wait for it have not heard of it yet
        done: asyncio.Future[Generation] = asyncio.get_running_loop().create_future()
        waiting = _Waiting(tell=tell, deadline_s=deadline_s, done=done)
        watched.waiting.append(waiting)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._poll())
        try:
            return await done
        finally:
            watched.waiting.remove(waiting)
            if not watched.waiting and self._watched.get(generation.remote_id) is watched:
                del self._watched[generation.remote_id]

    async def aclose(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _poll(self) -> None:
        wait_s = self._profile.poll_interval_s
        while self._watched:
            await self._clock.sleep(wait_s)
            wait_s = self._profile.poll_interval_s
            try:
                await self._look()
            except (UnavailableError, NotSentError) as error:
                self._give_up_where_it_takes_too_long(error)
                asked_s = error.retry_after_s if isinstance(error, UnavailableError) else None
                wait_s = max(wait_s, min(asked_s or 0.0, RETRY_AFTER_S_MAX))
            except Exception as error:  # noqa: BLE001 - else all would wait for ever, for a task that died
                self._fail_all(error)

    async def _look(self) -> None:
        """Look at every job once, unless the server is out of reach.

        Raises:
            UnavailableError, NotSentError: it is; the jobs not looked at are marked.
        """
        server, unseen = self._server(), dict(self._watched)
        try:
            for job in await self._listed(server, unseen):
                self._saw(unseen.pop(job.remote_id), job)
            for remote_id, watched in tuple(unseen.items()):
                await self._look_at(remote_id, watched, server)
                del unseen[remote_id]
        except (UnavailableError, NotSentError):
            for watched in unseen.values():
                watched.out_of_reach_since = watched.out_of_reach_since or self._clock.now()
            raise

    async def _listed(
        self, server: Server, unseen: Mapping[str, _Watched]
    ) -> tuple[ObservedJob, ...]:
        if self._profile.list == "none" or len(unseen) <= 1:
            return ()
        try:
            return await find_in_list(server, unseen.keys())
        except RejectedError:
            return ()  # it has no list, whatever its profile says: each job is asked for

    async def _look_at(self, remote_id: str, watched: _Watched, server: Server) -> None:
        try:
            self._saw(watched, await server.retrieve(remote_id))
        except JobGoneError as error:
            self._saw_missing(watched, error)
        except RejectedError as error:
            _fail(watched, error)
        except (UnavailableError, NotSentError):
            if remote_id in self._watched:
                # Next time the others come first: it may be the trouble of this job alone.
                self._watched[remote_id] = self._watched.pop(remote_id)
            raise

    def _saw(self, watched: _Watched, job: ObservedJob) -> None:
        before = watched.generation
        is_news = (job.status, job.progress) != (before.status, before.progress)
        if is_news or before.missing_count:
            self._state.saw(before.id, job)
        now = after_sighting(before, job)
        watched.generation = now
        watched.out_of_reach_since = None
        at = self._clock.now()
        for waiting in watched.waiting:
            waiting.tell(job)
            if waiting.done.done():
                continue
            if not now.status.is_running:
                waiting.done.set_result(now)
            elif waiting.deadline_s is not None and is_overdue(now, waiting.deadline_s, at):
                waiting.done.set_exception(OverdueError(overdue(now, waiting.deadline_s, at)))

    def _saw_missing(self, watched: _Watched, error: JobGoneError) -> None:
        now = self._state.saw_missing(watched.generation.id)
        watched.generation = now
        watched.out_of_reach_since = None
        if now.is_missed_for_good(self._clock.now(), self._profile.settle_s):
            _fail(watched, error)

    def _give_up_where_it_takes_too_long(self, error: Exception) -> None:
        now = self._clock.now()
        for watched in self._watched.values():
            since = watched.out_of_reach_since or now
            if (now - since).total_seconds() >= GIVE_UP_S:
                _fail(watched, error)

    def _fail_all(self, error: Exception) -> None:
        for watched in self._watched.values():
            _fail(watched, error)


def _fail(watched: _Watched, error: Exception) -> None:
    for waiting in watched.waiting:
        if not waiting.done.done():
            waiting.done.set_exception(error)


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
