"""Finding out what became of paid requests whose answers were lost.

Never by sending anything: only by what the server's list shows, read twice from its head to
what it showed before the request, and again once the settle time is over.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from reconciler.apply.listing import back_to_watermarks, read_list
from reconciler.apply.poll import GIVE_UP_S
from reconciler.domain.errors import NotSentError, ServerError, UnavailableError
from reconciler.domain.observed import Listing, ObservedJob
from reconciler.domain.ports import Clock, Server, StateWriter
from reconciler.domain.provider import Provider
from reconciler.domain.recorded import Attempt, AttemptId, AttemptState, Generation, RecordedState
from reconciler.plan.lost_answers import Findings, find, seems_older

LOOK_S = 5.0
"""The longest wait between two looks at the list, while a lost job may still show."""

_LOOK_S_MIN = 0.5


class Verdict(Enum):
    """What can be said of an attempt whose job was not found."""

    DISPROVED = "disproved"  # it made nothing, and its money is free
    OPEN = "open"  # nobody can tell, and a person must decide


Outcome = Generation | Verdict


@dataclass(slots=True)
class _Sought:
    attempt: AttemptId
    outcome: asyncio.Future[Outcome]
    due_s: float | None = None
    """From when on an absence from the list means something; by a clock that nobody sets."""


class Settling:
    """Looks for the jobs of all unresolved attempts of one provider together, in one task."""

    def __init__(
        self,
        *,
        provider: Provider,
        server: Callable[[], Server],
        state: StateWriter,
        clock: Clock,
    ) -> None:
        self._provider = provider
        self._server = server
        self._state = state
        self._clock = clock
        # Where jobs show sooner than that, the next look is the one that proves something.
        self._pause_s = min(LOOK_S, max(provider.profile.settle_s, _LOOK_S_MIN))
        self._sought: dict[AttemptId, _Sought] = {}
        self._task: asyncio.Task[None] | None = None

    async def outcome(self, attempt: AttemptId) -> Outcome:
        """What became of an unresolved attempt; what is learned is recorded already.

        A generation is what it made; nobody holds it yet.
        """
        sought = self._sought.get(attempt)
        if sought is None:
            future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
            sought = self._sought[attempt] = _Sought(attempt, future)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._settle())
        return await asyncio.shield(sought.outcome)

    async def aclose(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _settle(self) -> None:
        while self._sought:
            try:
                await self._look()
            except Exception as error:  # noqa: BLE001 - else all would wait for ever, for a task that died
                self._fail_all(error)
                return
            if self._sought:
                await self._clock.sleep(self._pause_s)

    async def _look(self) -> None:
        """Look once: what the list proves is recorded, and what it never will is let be."""
        recorded = self._state.read()
        attempts = self._unresolved(recorded)
        began_s = self._clock.uptime_s()
        self._set_times(attempts, began_s)
        self._let_go_of_the_settled(recorded, attempts)
        if self._provider.profile.list == "none":
            self._let_be(attempts)
            return
        try:
            jobs = await self._read_twice(attempts, recorded)
        except (UnavailableError, NotSentError):
            self._let_be([a for a in attempts if self._is_due(a, began_s - GIVE_UP_S)])
            return
        except ServerError:
            self._let_be(attempts)  # it has no list, whatever its profile says
            return
        if jobs is None:
            self._let_be([a for a in attempts if self._is_due(a, began_s)])
            return
        self._conclude(attempts, jobs, began_s)

    async def _read_twice(
        self, attempts: Sequence[Attempt], recorded: RecordedState
    ) -> tuple[ObservedJob, ...] | None:
        """Every new job, newest first; None where there are too many to be read.

        Twice, since jobs that arrive while pages are turned push others past the reader.
        """
        marks = [attempt.watermark for attempt in attempts if attempt.watermark is not None]
        known = _known(recorded, self._provider.account)
        seen: dict[str, ObservedJob] = {}
        for _ in range(2):
            enough = back_to_watermarks(marks, known)
            listing: Listing = await read_list(self._server(), enough=enough)
            if listing.is_cut:
                return None
            fresh = {job.remote_id: job for job in listing.jobs}
            seen = {**fresh, **{id_: job for id_, job in seen.items() if id_ not in fresh}}
        return tuple(seen.values())

    def _conclude(
        self, attempts: Sequence[Attempt], jobs: Sequence[ObservedJob], began_s: float
    ) -> None:
        # Read anew: an answer may have come while the pages were turned.
        recorded = self._state.read()
        attempts = [each for each in self._unresolved(recorded) if each.id in _ids(attempts)]
        known = _known(recorded, self._provider.account)
        unmanaged = {job.remote_id for job in jobs} - known
        findings = find(attempts, jobs, unmanaged)
        for attempt in attempts:
            job = findings.made.get(attempt.id)
            if attempt.id not in self._sought:
                continue  # it is another workspace's to settle
            is_due = self._is_due(attempt, began_s)
            if job is not None and (is_due or not seems_older(job, attempt)):
                self._adopt(attempt, job)
            elif is_due:
                self._give_up(attempt, findings)

    def _adopt(self, attempt: Attempt, job: ObservedJob) -> None:
        is_ours = self._provider.account_use == "exclusive"
        made = self._state.adopted(attempt.id, job, is_ours=is_ours)
        if made is not None:  # else another look will tell
            self._tell(attempt.id, made)

    def _give_up(self, attempt: Attempt, findings: Findings) -> None:
        is_proof = self._provider.profile.list == "complete" and not attempt.made
        if is_proof and attempt.id not in findings.doubtful and attempt.watermark is not None:
            self._state.disproved(
                attempt.id, "the list showed no such job, once the settle time was over"
            )
            self._tell(attempt.id, Verdict.DISPROVED)
        else:
            self._tell(attempt.id, Verdict.OPEN)

    def _set_times(self, attempts: Sequence[Attempt], began_s: float) -> None:
        """Say once of each when it is due: a clock that is set meanwhile proves nothing."""
        now = self._clock.now()
        for attempt in attempts:
            sought = self._sought.get(attempt.id)
            if sought is not None and sought.due_s is None:
                over_at = attempt.over_at or attempt.sending_at or attempt.reserved_at
                ago_s = (now - over_at).total_seconds()
                sought.due_s = began_s - ago_s + self._provider.profile.settle_s

    def _is_due(self, attempt: Attempt, at_s: float) -> bool:
        sought = self._sought.get(attempt.id)
        return sought is not None and sought.due_s is not None and at_s >= sought.due_s

    def _unresolved(self, recorded: RecordedState) -> list[Attempt]:
        """All unresolved attempts of the account, those of other workspaces among them."""
        return [
            each
            for each in recorded.attempts
            if each.state is AttemptState.AMBIGUOUS and each.account == self._provider.account
        ]

    def _let_go_of_the_settled(self, recorded: RecordedState, open_: Sequence[Attempt]) -> None:
        """Tell of those that were settled by somebody else meanwhile."""
        for identity in self._sought.keys() - _ids(open_):
            made = next((g for g in recorded.generations.values() if g.attempt == identity), None)
            self._tell(identity, made or Verdict.OPEN)

    def _let_be(self, attempts: Sequence[Attempt]) -> None:
        for attempt in attempts:
            self._tell(attempt.id, Verdict.OPEN)

    def _tell(self, attempt: AttemptId, outcome: Outcome) -> None:
        sought = self._sought.pop(attempt, None)
        if sought is not None and not sought.outcome.done():
            sought.outcome.set_result(outcome)

    def _fail_all(self, error: Exception) -> None:
        for sought in self._sought.values():
            if not sought.outcome.done():
                sought.outcome.set_exception(error)
                sought.outcome.exception()  # nobody may wait for it any more
        self._sought.clear()


def _ids(attempts: Sequence[Attempt]) -> set[AttemptId]:
    return {attempt.id for attempt in attempts}


def _known(recorded: RecordedState, account: str) -> frozenset[str]:
    generations = recorded.generations.values()
    return frozenset(each.remote_id for each in generations if each.account == account)
