"""Paid generations that no address uses: what a run does about them, beside its actions."""

from dataclasses import dataclass
from typing import assert_never

from reconciler.apply.download import fetch
from reconciler.apply.journey import Journey, Lane
from reconciler.apply.poll import OverdueError
from reconciler.apply.settling import Verdict
from reconciler.apply.stop import StoppedError
from reconciler.domain.errors import JobGoneError, SorafileError, UnresolvedError
from reconciler.domain.plan import SeekSpare, Spare, StoreSpare, TakeTwin
from reconciler.domain.profile import Variant
from reconciler.domain.provider import reaching
from reconciler.domain.recorded import Attempt, Generation, JobStatus, RecordedState


@dataclass(frozen=True, slots=True, kw_only=True)
class SpareWork:
    """One spare of a plan, about to be looked after."""

    spare: Spare
    recorded: RecordedState
    journey: Journey

    def keep_others_out(self) -> None:
        """Let nothing be sent that a list could take for a lost request that is sought."""
        attempt = self._sought()
        if attempt is not None and attempt.echo is not None:
            self._lane().gate.occupy(attempt.echo, attempt.kin or attempt.digest)

    async def do(self) -> None:
        """Find it, take note of it, and store its video.

        Raises:
            StoppedError: the run was stopped first, or its job came to its deadline.
            UnresolvedError: what became of its request cannot be told.
            SorafileError: its video cannot be had.
        """
        generation = await self._found()
        if generation is None or generation.is_stored:
            return
        lane = self._lane()
        if generation.status.is_running:
            if not self.journey.limits.wait:
                raise StoppedError
            finished = lane.poller.finished(
                generation, lambda _job: None, deadline_s=self._deadline_s()
            )
            try:
                generation = await self.journey.stop.or_stop(finished)
            except OverdueError:
                raise StoppedError from None  # the next plan says so
        if generation.status is JobStatus.COMPLETED:
            await self._store(generation, lane)

    async def _found(self) -> Generation | None:
        state = self.journey.ports.state
        match self.spare:
            case SeekSpare():
                return await self._seek()
            case TakeTwin(attempt=attempt, job=job):
                is_ours = self._lane().provider.account_use == "exclusive"
                return state.twin(attempt, job, is_ours=is_ours)
            case StoreSpare(generation=identity):
                return self.recorded.generations[identity]
            case _:
                assert_never(self.spare)

    async def _seek(self) -> Generation | None:
        attempt = self._sought()
        if attempt is None:
            return None  # it was settled since
        lane = self._lane()
        try:
            outcome = await self.journey.stop.or_stop(lane.settling.outcome(attempt.id))
        finally:
            if attempt.echo is not None:
                lane.gate.leave(attempt.echo, attempt.kin or attempt.digest)
        if outcome is Verdict.OPEN:
            raise UnresolvedError(
                f"what became of a paid request for {attempt.address} cannot be told"
                f" ({attempt.evidence})",
                fix=f"look at what is there, and decide: sorafile resolve {attempt.address}",
            )
        self.journey.purse.free(attempt.id)  # it is booked, and no spending of this run
        return outcome if isinstance(outcome, Generation) else None

    async def _store(self, generation: Generation, lane: Lane) -> None:
        try:
            await fetch(
                Variant.VIDEO,
                generation,
                address=self.spare.address,
                lane=lane,
                journey=self.journey,
            )
        except JobGoneError:
            self.journey.ports.state.lost(generation.id)
            raise
        self.journey.notice(
            f"the video of job {generation.remote_id}, paid for {self.spare.address} and used by"
            " no address, is kept in the store as a spare",
            code="SF0608",
        )

    def _sought(self) -> Attempt | None:
        wanted = self.spare.attempt if isinstance(self.spare, SeekSpare) else None
        return next((each for each in self.recorded.attempts if each.id == wanted), None)

    def _deadline_s(self) -> float | None:
        if isinstance(self.spare, StoreSpare):
            return self.spare.deadline_s
        attempts = (*self.recorded.attempts, *self.recorded.given_up)
        return next((a.deadline_s for a in attempts if a.id == self.spare.attempt), None)

    def _lane(self) -> Lane:
        attempt, providers = self._sought(), self.journey.providers
        name = self.spare.provider
        account = attempt.account if attempt else self._account()
        found = reaching(providers, name=name, account=account)
        if found is None:
            raise SorafileError(
                f"no provider of account {account!r} is declared any more",
                fix="declare it again in sorafile.toml",
            )
        return self.journey.lane(found.name)

    def _account(self) -> str:
        if isinstance(self.spare, StoreSpare):
            return self.recorded.generations[self.spare.generation].account
        return self.journey.providers[self.spare.provider].account
