"""The state database held under a lease: the port's methods, one durable transaction each."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from sqlalchemy import Connection, Engine

from reconciler.domain.address import Address
from reconciler.domain.bookings import Booking
from reconciler.domain.budget import NO_BUDGET, Budget
from reconciler.domain.desired import Lifecycle
from reconciler.domain.errors import ExitCode
from reconciler.domain.observed import ObservedJob, Sidecar
from reconciler.domain.ports import Found, Holder, Intent
from reconciler.domain.recipe import RecipeDigest
from reconciler.domain.recorded import (
    Asset,
    AttemptId,
    BegunFile,
    Generation,
    GenerationId,
    PublishedFile,
    RecordedRun,
    RecordedState,
    RunId,
)
from reconciler.state import holdings, jobs, journal, lease, runs, spending
from reconciler.state.place import Place
from reconciler.state.reading import read_generation, read_state
from reconciler.state.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """A `StateWriter`: the promises stand there, method by method."""

    place: Place
    engine: Engine
    workspace: str
    holder: Holder
    fence: int
    last_may_live: bool  # the holder before this one was only silent for too long
    clock_now: Callable[[], datetime]
    new_id: Callable[[], str]

    def read(self) -> RecordedState:
        """All that this workspace needs to know, at one moment."""
        with self._reading() as connection:
            return read_state(connection, self.workspace)

    def run_of(self, plan_id: str) -> RecordedRun | None:
        """The first run of a plan."""
        with self._reading() as connection:
            return runs.of_plan(connection, plan_id)

    def bookings(self, since: datetime | None = None) -> tuple[Booking, ...]:
        """The whole database's ledger, a booking for each purchase, the oldest first."""
        with self._reading() as connection:
            return spending.read_bookings(connection, since)

    def counted_of(self, runs: Collection[RunId]) -> Mapping[RunId, Decimal]:
        """Dollars that each of some runs holds or spent, as far as they are recorded."""
        with self._reading() as connection:
            return spending.counted_of(connection, runs)

    def heartbeat(self) -> None:
        """Say that this run is alive."""
        with self._transaction():
            pass  # to hold the lease is what every transaction begins with

    def begin_run(self, *, plan_id: str, worst_case_usd: Decimal, git_commit: str | None) -> RunId:
        """Record that a plan is carried out from now on."""
        with self._transaction() as transaction:
            return runs.begin(
                transaction,
                self.holder,
                plan_id=plan_id,
                worst_case_usd=worst_case_usd,
                git_commit=git_commit,
            )

    def end_run(self, run: RunId, exit_code: ExitCode) -> None:
        """Record how it ended."""
        with self._transaction() as transaction:
            runs.end(transaction, run, exit_code)

    def reserve(self, intent: Intent, run: RunId, budget: Budget = NO_BUDGET) -> AttemptId:
        """Journal a paid request and hold its cost."""
        with self._transaction() as transaction:
            return journal.reserve(transaction, intent, run, budget)

    def sending(self, attempt: AttemptId, watermark: tuple[str, ...] | None) -> None:
        """Journal that the request may be on its way from now on."""
        with self._transaction() as transaction:
            journal.sending(transaction, attempt, watermark)

    def acknowledged(self, attempt: AttemptId, job: ObservedJob) -> Generation:
        """Journal the id, book the cost, and hold the job as the address's pending one."""
        with self._unfenced() as transaction:
            holds = lease.try_to_keep(transaction)
            generation = jobs.record_answer(transaction, attempt, job, holds=holds)
            return read_generation(transaction.connection, generation)

    def not_sent(self, attempt: AttemptId, evidence: str) -> None:
        """Journal that nothing left, and free the money."""
        with self._transaction() as transaction:
            journal.not_sent(transaction, attempt, evidence)

    def rejected(self, attempt: AttemptId, evidence: str) -> None:
        """Journal a certain refusal, and free the money."""
        with self._transaction() as transaction:
            journal.rejected(transaction, attempt, evidence)

    def ambiguous(self, attempt: AttemptId, evidence: str, *, made: bool) -> None:
        """Journal that a job may exist, or that it does; the money stays held."""
        with self._transaction() as transaction:
            journal.ambiguous(transaction, attempt, evidence, made=made, over_at=transaction.at)

    def adopted(self, attempt: AttemptId, job: ObservedJob, *, is_ours: bool) -> Generation | None:
        """Journal that a listed job is what an unresolved attempt made, and book its cost."""
        with self._transaction() as transaction:
            generation = jobs.record_adopted(transaction, attempt, job, is_ours=is_ours)
            if generation is None:
                return None
            return read_generation(transaction.connection, generation)

    def disproved(self, attempt: AttemptId, evidence: str) -> None:
        """Journal that an unresolved attempt made nothing, and free the money."""
        with self._transaction() as transaction:
            journal.disproved(transaction, attempt, evidence)

    def written_off(self, attempt: AttemptId, evidence: str, *, may_repeat: bool) -> None:
        """Journal that nobody will know what an attempt made; its money is wasted."""
        with self._transaction() as transaction:
            journal.written_off(transaction, attempt, evidence, may_repeat=may_repeat)

    def twin(self, attempt: AttemptId, job: ObservedJob, *, is_ours: bool) -> Generation:
        """Record the job of an attempt that was given up, as wasted; nobody holds it."""
        with self._transaction() as transaction:
            generation = jobs.record_twin(transaction, attempt, job, is_ours=is_ours)
            return read_generation(transaction.connection, generation)

    def found(self, found: Found) -> Generation:
        """Record a job that the server has already, and hold it as the address's pending one."""
        with self._transaction() as transaction:
            generation = jobs.record_found(transaction, found)
            return read_generation(transaction.connection, generation)

    def void_reserved(self) -> None:
        """Settle what dead runs left: reserved was never sent, sending is ambiguous."""
        with self._transaction() as transaction:
            journal.settle_the_dead(transaction, may_live=self.last_may_live)

    def saw(self, generation: GenerationId, job: ObservedJob) -> None:
        """Record how a job stands; a failed one fails its attempt and books waste."""
        with self._transaction() as transaction:
            jobs.record_seen(transaction, generation, job)

    def saw_missing(self, generation: GenerationId) -> Generation:
        """Record that the server knew no such job or asset, and return the count so far."""
        with self._transaction() as transaction:
            jobs.record_missing(transaction, generation)
            return read_generation(transaction.connection, generation)

    def deleted(self, generation: GenerationId) -> None:
        """Record that the job is on its server no more."""
        with self._transaction() as transaction:
            jobs.record_deleted(transaction, generation)

    def lost(self, generation: GenerationId) -> None:
        """Record that the video is nowhere any more, so that it may be bought again."""
        with self._transaction() as transaction:
            jobs.record_lost(transaction, generation)

    def stored(self, generation: GenerationId, asset: Asset) -> None:
        """Record an asset that lies whole in the store."""
        with self._transaction() as transaction:
            jobs.record_stored(transaction, generation, asset)

    def recover(self, sidecar: Sidecar, tags: tuple[str, ...] = ()) -> GenerationId:
        """Record a generation that only its sidecar remembers; known ones are returned."""
        with self._transaction() as transaction:
            return jobs.recover(transaction, sidecar, tags)

    def recover_all(
        self, sidecars: Collection[Sidecar], tags: Mapping[RecipeDigest, tuple[str, ...]]
    ) -> None:
        """Recover many at once; `tags` are those of the recipes that are declared."""
        with self._transaction() as transaction:
            for sidecar in sidecars:
                jobs.recover(transaction, sidecar, tags.get(sidecar.digest, ()))

    def bind(self, address: Address, generation: GenerationId) -> None:
        """Hold a generation as the address's pending one; a former pending is deposed."""
        with self._transaction() as transaction:
            holdings.hold(transaction, address, generation)

    def promote(self, address: Address, lifecycle: Lifecycle, tags: tuple[str, ...]) -> None:
        """Make the pending generation current, depose the old one, record the settings."""
        with self._transaction() as transaction:
            holdings.promote(transaction, address, lifecycle, tags)

    def publishing(self, file: BegunFile) -> None:
        """Record that a file is about to come to its path, before it does."""
        with self._transaction() as transaction:
            holdings.begin_publishing(transaction, file)

    def published(self, address: Address, file: PublishedFile) -> None:
        """Record a published file; the path belongs to this address and variant now."""
        with self._transaction() as transaction:
            holdings.publish(transaction, address, file)

    def not_published(self, path: str) -> None:
        """Record that what was begun for a path did not come there."""
        with self._transaction() as transaction:
            holdings.drop_begun(transaction, path)

    def unpublished(self, address: Address, path: str) -> None:
        """Record that a published file is sorafile's no more."""
        with self._transaction() as transaction:
            holdings.unpublish(transaction, address, path)

    def rename(self, source: Address, target: Address) -> None:
        """Give all that `source` holds to `target`, which holds nothing yet."""
        with self._transaction() as transaction:
            holdings.rename(transaction, source, target)

    def rename_all(self, moves: Mapping[Address, Address]) -> None:
        """Rename several addresses at once, each as `rename` does; they may change places."""
        with self._transaction() as transaction:
            holdings.rename_all(transaction, moves)

    def retired(self, address: Address, generation: GenerationId) -> None:
        """Drop a generation from what the address holds; its history stays."""
        with self._transaction() as transaction:
            holdings.retire(transaction, address, generation)

    def forget(self, address: Address) -> None:
        """Drop the record of an address; the history of its generations stays."""
        with self._transaction() as transaction:
            holdings.forget(transaction, address)

    def forget_all(self, addresses: Collection[Address]) -> None:
        """Forget several addresses at once, each as `forget` does."""
        with self._transaction() as transaction:
            for address in addresses:
                holdings.forget(transaction, address)

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self.place.reading() as connection:
            if not lease.is_kept(connection, self.workspace, self.fence):
                raise lease.lease_lost(self.workspace)
            yield connection

    @contextmanager
    def _transaction(self) -> Iterator[Transaction]:
        with self._unfenced() as transaction:
            # First of all, and in the same transaction: a check made before it would hold
            # only for the moment of the check.
            lease.keep(transaction)
            yield transaction

    @contextmanager
    def _unfenced(self) -> Iterator[Transaction]:
        """What must be written whoever holds the lease by now."""
        with self.place.failures_told(), self.engine.begin() as connection:
            yield Transaction(
                connection=connection,
                workspace=self.workspace,
                fence=self.fence,
                at=self.clock_now(),
                new_id=self.new_id,
            )
