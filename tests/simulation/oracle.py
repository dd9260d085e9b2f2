"""The invariants, checked against what the simulated server really made and billed.

I1 one paid create a recipe, I2 the ledger never below the bill, I3 a run that ended well leaves
nothing to do, I4 no more than the plan said and the caps allow, I5 no known remote id lost, I6
nothing expires that could be had, I7 nothing deleted before its bytes are here. Twins are told.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache

from apply.studio import Run, Studio
from reconciler.domain.budget import NO_BUDGET, Budget, Cap, begin_of
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import ExitCode
from reconciler.domain.plan import ActionKind, Plan, SeekSpare, TakeTwin
from reconciler.domain.ports import CreateRequest
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import Sha256
from reconciler.domain.recorded import JobStatus
from simulated.media import asset_bytes
from simulated.workshop import Job
from simulation.books import Books, read_books
from simulation.witness import Sent
from simulation.world import World

# Longer than any feasible order of downloads here takes.
_AMPLE = timedelta(seconds=60)
_A_LOOK = timedelta(seconds=30)  # within which a run sees that a job has ended


class BrokenError(AssertionError):
    """An invariant does not hold."""


@dataclass(slots=True, kw_only=True)
class Oracle:
    """What was really made and paid in one story."""

    world: World
    studio: Studio
    budget: Budget = NO_BUDGET  # that runs are held to now
    sent: list[Sent] = field(default_factory=list)  # since the database was made
    asked_again: int = 0  # how often somebody was not content
    _known: set[str] = field(default_factory=set)  # remote ids that were recorded or answered
    _orphans: set[str] = field(default_factory=set)  # whose recipes went with it
    _files: set[str] = field(default_factory=set)  # paths that only a lost database knew

    def books(self) -> Books:
        """What the database says now."""
        return read_books(self.studio.root / "state" / "sorafile.db")

    def forget(self) -> None:
        """The database is gone, and with it all that only it could know."""
        told = {each.remote_id for each in self.studio.store.every_sidecar()}
        made = {job.remote_id for each in self.sent if (job := self._job(each))}
        self._orphans |= made - told
        self._files |= self._published_paths()
        self.sent.clear()
        self._known.clear()

    # --- I1, I2: while paying ---------------------------------------------------------------

    def against_paying(self, sent: Sent, *, is_journaled: bool) -> str | None:
        """What a paid request would break if it left now."""
        if not is_journaled:
            return "I1: a paid request leaves that the journal does not call sending"
        books = self.books()
        for job in books.jobs.values():
            was_told_gone = job.is_lost and self.world.denies_jobs
            if job.digest == sent.digest and self.is_live(job.remote_id) and not was_told_gone:
                return f"I1: {job.remote_id} is of this recipe, known, and not lost"
        store = self.studio.store
        told = store.read_sidecars([sent.digest]).sidecars
        if any(store.is_whole(asset) for each in told for asset in each.assets):
            return "I1: the asset store has a video of this recipe"
        unknown = [job for job in self._made(sent.kin) if job.remote_id not in books.jobs]
        live = [job.remote_id for job in unknown if self.is_live(job.remote_id)]
        excuses = sum(
            attempt.kin == sent.kin
            and attempt.id != sent.attempt
            and self._excuses(attempt.id, books)
            for attempt in books.attempts.values()
        )
        if len(live) > excuses:
            return f"I1: {', '.join(live)} were made for this, and nobody knows them"
        return None

    def _excuses(self, attempt: str, books: Books) -> bool:
        """Whether an attempt may have made a job that nobody knows, without a breach of ours."""
        state = books.attempts[attempt].state
        if any(job.attempt == attempt for job in books.jobs.values()):
            return False
        if state == "disproved":
            return not self.world.keeps_promises
        return state in ("sending", "ambiguous", "written_off")

    def paid(self, sent: Sent, broken: str | None) -> None:
        """A paid request left."""
        self.sent.append(sent)
        if broken:
            raise BrokenError(broken)
        self.check_money()
        self._check_caps()

    def _check_caps(self) -> None:
        """What was billed for requests of a day or a month is within the caps on them."""
        for cap in self.budget.caps:
            if cap.period == "run" or not self.world.keeps_promises:
                continue
            begin = begin_of(cap.period, self.studio.clock.now())
            of_it = (each for each in self.sent if (each.call.sent_at or begin) >= begin)
            self._check_cap(cap, [each for each in of_it if cap.counts(each.tags)])

    def check_run_cap(self, sent: list[Sent]) -> None:
        """So is what was billed for the requests of one run."""
        for cap in self.budget.caps:
            if cap.period == "run" and self.world.keeps_promises:
                self._check_cap(cap, sent)

    def _check_cap(self, cap: Cap, sent: list[Sent]) -> None:
        billed = sum((job.cost_usd for each in sent if (job := self._job(each))), Decimal(0))
        if billed > cap.usd:
            raise BrokenError(f"I4: ${billed} are billed, and {cap} allows less")

    def check_money(self) -> None:
        """I2: what is held and spent is no less than what our requests were billed."""
        books = self.books()
        jobs = [job for sent in self.sent if (job := self._job(sent))]
        billed = sum((job.cost_usd for job in jobs), Decimal(0)) - self._hidden_usd(books)
        if books.accounted_usd < billed:
            raise BrokenError(f"I2: ${billed} are billed, and ${books.accounted_usd} accounted for")

    def _hidden_usd(self, books: Books) -> Decimal:
        """What broken promises hide: one job for each attempt that was wrongly disproved."""
        if self.world.keeps_promises:
            return Decimal(0)
        told = {job.attempt for job in books.jobs.values()}
        hidden = Decimal(0)
        for kin in {sent.kin for sent in self.sent}:
            unknown = [job for job in self._made(kin) if job.remote_id not in books.jobs]
            wrong = [
                each
                for each in books.attempts.values()
                if each.kin == kin and each.state == "disproved" and each.id not in told
            ]
            hidden += sum((job.cost_usd for job in unknown[: len(wrong)]), Decimal(0))
        return hidden

    def _made(self, kin: str) -> list[Job]:
        return [job for sent in self.sent if sent.kin == kin and (job := self._job(sent))]

    def _job(self, sent: Sent) -> Job | None:
        made = sent.call.made
        return None if made is None else self.studio.server.workshop.jobs[made]

    # --- I7 -----------------------------------------------------------------------------------

    def about_to_delete(self, remote_id: str) -> None:
        """I7: a job is deleted only once its bytes are here; another's never."""
        job = self.studio.server.workshop.find(remote_id)
        if job is None:
            return
        if job.request is None:
            raise BrokenError(f"I7: {remote_id} is another team's, and would be deleted")
        if job.has_assets(self.studio.clock.now()) and not self._is_stored(job):
            raise BrokenError(f"I7: {remote_id} would be deleted, and its bytes are not here")

    # --- after a run ----------------------------------------------------------------------------

    def check_ids(self, sent: list[Sent], *, was_cut: bool) -> None:
        """I5: every id that was ever answered or recorded is recorded."""
        books = self.books()
        for each in sent:
            if each.answered is None or each.answered in books.jobs:
                continue
            attempt = books.attempts.get(each.attempt)
            if not (was_cut and attempt is not None and attempt.is_unresolved):
                raise BrokenError(f"I5: {each.answered} was answered, and is not recorded")
        gone = self._known - books.jobs.keys()
        if gone:
            raise BrokenError(f"I5: {', '.join(sorted(gone))} were recorded, and are no more")
        self._known = set(books.jobs)

    def check_spending(self, plan: Plan, sent: list[Sent]) -> None:
        """I4: a run buys what its plan says, as often, and for no more than its worst case."""
        planned = {
            buy.declaration.digest: buy.retries
            for action in plan.actions
            for buy in action.purchases
        }
        for each in sent:
            if each.digest not in planned:
                raise BrokenError(
                    f"I4: {each.call.request.prompt!r} is bought, and was not planned"
                )
        editions = [b.declaration.recipe.edition for a in plan.actions for b in a.purchases]
        if max(editions, default=0) > self.asked_again:
            raise BrokenError(f"I1: editions {editions} are bought, {self.asked_again} were asked")
        jobs = self.books().jobs
        for digest, retries in planned.items():
            made = [jobs.get(each.answered or "") for each in sent if each.digest == digest]
            failed = sum(job is not None and job.status == "failed" for job in made)
            if failed > 1 + retries:
                raise BrokenError(f"I4: {failed} failed of {digest[:19]}, with {retries} retries")
        cost = sum((job.cost_usd for each in sent if (job := self._job(each))), Decimal(0))
        may_differ = not self.world.keeps_promises
        if cost > plan.cost.worst_case_usd and not may_differ:
            worst = plan.cost.worst_case_usd
            raise BrokenError(f"I4: ${cost} were spent, and the worst case was ${worst}")

    def check_rest(self, run: Run, after: Plan, declared: tuple[Declaration, ...]) -> None:
        """I3: after a run that ended well nothing is left to do."""
        to_do = [each for each in after.actions if each.kind is not ActionKind.BLOCKED]
        left = [f"{each.address}: {each.kind} {each.reason}" for each in to_do]
        # Where the server breaks its promises, a twin may show that a run's own attempts hid; so
        # may a job like it that another team made meanwhile.
        may_be_late = not self.world.keeps_promises or self.world.has_another_team
        left += [
            str(each) for each in after.spares if not (may_be_late and isinstance(each, TakeTwin))
        ]
        if run.code is ExitCode.OK and left:
            raise BrokenError(f"I3: it ended well, and leaves {left}")
        self._check_published(after, declared)
        if run.code is ExitCode.OK:
            self._check_no_file_is_left()

    def _check_no_file_is_left(self) -> None:
        """Every file at a place of publishing is recorded."""
        recorded = {path for (path,) in self.studio.rows("SELECT path FROM published_files")}
        left = self._published_paths() - recorded - self._files
        if left:
            raise BrokenError(f"files: nobody knows {sorted(left)}")

    def _published_paths(self) -> set[str]:
        root = self.studio.root
        return {str(path.relative_to(root)) for path in root.glob("videos/**/*") if path.is_file()}

    def _check_published(self, plan: Plan, declared: tuple[Declaration, ...]) -> None:
        """What is at rest has the bytes of a job that was asked for just so.

        Just so as far as the server tells: what it leaves out or changes, nobody can see.
        """
        by_address = {each.address: each for each in declared}
        jobs = self.studio.server.workshop.jobs.values()
        for address in plan.unchanged:
            declaration = by_address[address]
            fits = {self.sha256(job) for job in jobs if self._fits(job, declaration, by_address)}
            found = self.studio.bytes_at(declaration.outputs[Variant.VIDEO])
            if found is None or hashlib.sha256(found).hexdigest() not in fits:
                raise BrokenError(f"bytes: {address} is at rest with another's bytes, or none")

    def _fits(self, job: Job, declaration: Declaration, others: dict[object, Declaration]) -> bool:
        recipe, wording = declaration.recipe, self.world.temper.wording
        is_like = (wording.prompt_of(job.prompt), job.seconds, job.size) == (
            wording.prompt_of(recipe.prompt),
            declaration.seconds,
            declaration.size,
        )
        tells_parents = wording.parent == "as asked"
        if not is_like or (tells_parents and (job.parent is None) != (declaration.parent is None)):
            return False
        if job.parent is not None and declaration.parent is not None and tells_parents:
            parent = others[declaration.parent]
            return self._fits(self.studio.server.workshop.jobs[job.parent], parent, others)
        if not isinstance(job.request, CreateRequest):
            return True  # another team's: nobody can know what it showed to the server
        if job.remote_id in self._orphans:
            return True  # likewise: what it was asked for was lost with the database
        sent = job.request.reference
        asked = recipe.reference
        return (sent.sha256 if sent else None) == (asked.sha256 if asked else None)

    def check_downloads(self, run: Run, began_at: datetime, known: set[str]) -> None:
        """I6: after a run that nothing kept from it, all that could be had is here.

        Of what went away meanwhile, too, where it was known and there was ample time for it.
        What a run that was stopped has left, the next one has in time.
        """
        was_stopped = run.code is ExitCode.INTERRUPTED
        now = self.studio.clock.now()
        books = self.books()
        for remote_id, recorded in books.jobs.items():
            job = self.studio.server.workshop.find(remote_id)
            if job is None or job.ends_at is None or self._is_stored(job):
                continue
            had_from = max(job.ends_at, began_at)
            is_young = now - job.ends_at < _A_LOOK
            is_left = not was_stopped and not is_young and not recorded.is_lost
            if job.has_assets(now) and is_left:
                raise BrokenError(f"I6: {remote_id} could be had, and is not stored")
            was_there = job.has_assets(had_from) and job.has_assets(had_from + _AMPLE)
            is_over = had_from + _AMPLE <= now and not job.has_assets(now)
            if remote_id in known and was_there and is_over:
                raise BrokenError(f"I6: {remote_id} went away, and could have been had")

    def check_end(self, plans: list[Plan]) -> None:
        """I3: once nothing goes wrong any more, all comes to rest that can be told."""
        actions = [action for plan in plans for action in plan.actions]
        spares = [spare for plan in plans for spare in plan.spares]
        left = [action for action in actions if action.kind is not ActionKind.BLOCKED]
        told = [f"{a.address}: {a.kind} {a.reason}" for a in left]
        is_open = any(action.kind is ActionKind.RESOLVE for action in left)
        is_open = is_open or any(isinstance(spare, SeekSpare) for spare in spares)
        if (left or spares) and not (is_open or self.world.has_stuck_jobs):
            raise BrokenError(f"I3: it never comes to rest: {told} {spares}")
        if is_open and self.world.keeps_promises and self._all_can_be_told():
            raise BrokenError(f"I3: these stay unresolved: {told} {spares}")
        if self._all_can_be_told():
            self._check_twins()

    def _check_twins(self) -> None:
        """Whatever our requests made, and can still be seen, is recorded and so was told."""
        books, now = self.books(), self.studio.clock.now()
        for job in filter(None, map(self._job, self.sent)):
            is_there = self.studio.server.workshop.find(job.remote_id) is not None
            can_be_seen = is_there and job.has_assets(now) and job.is_seen(now)
            if can_be_seen and job.remote_id not in books.jobs:
                raise BrokenError(f"twins: {job.remote_id} was made, and was never told")

    def _all_can_be_told(self) -> bool:
        """Whether every job whose answer was lost can be found in the end."""
        temper = self.world.temper
        return (
            not self.world.loses_jobs
            and temper.list == "complete"
            and temper.wording.is_plain
            and len(temper.echoes) == 5
            and temper.account_use == "exclusive"
            # Without one, a list that was refused at that moment, nothing is ever proven.
            and all(
                each.has_watermark for each in self.books().attempts.values() if each.is_unresolved
            )
        )

    # --- what is true -----------------------------------------------------------------------

    def is_live(self, remote_id: str) -> bool:
        """Whether the video of a job exists, or comes to exist."""
        now = self.studio.clock.now()
        job = self.studio.server.workshop.jobs[remote_id]
        is_there = self.studio.server.workshop.find(remote_id) is not None
        status = job.status(now)
        if status is JobStatus.FAILED:
            return False
        if is_there and (status.is_running or job.has_assets(now)):
            return True
        return self._is_stored(job) or self._is_published(job)

    def _is_stored(self, job: Job) -> bool:
        file = self.studio.store.path(self.sha256(job))
        return file.exists() and file.stat().st_size == len(
            _video(job.remote_id, job.size, job.seconds)
        )

    def _is_published(self, job: Job) -> bool:
        wanted = self.sha256(job)
        files = self.studio.root.glob("videos/**/*.mp4")
        return any(hashlib.sha256(file.read_bytes()).hexdigest() == wanted for file in files)

    def sha256(self, job: Job) -> Sha256:
        """Of the video that a job made."""
        return _sha256(job.remote_id, job.size, job.seconds)

    def check_store(self) -> None:
        """Everything in the store is what its name says."""
        for shas in self.books().assets.values():
            for sha256 in shas:
                file = self.studio.store.path(Sha256(sha256))
                if file.exists() and hashlib.sha256(file.read_bytes()).hexdigest() != sha256:
                    raise BrokenError(f"bytes: the store holds others under {sha256[:8]}")


@cache
def _video(remote_id: str, size: str, seconds: int) -> bytes:
    return asset_bytes(Variant.VIDEO, remote_id, size=size, seconds=seconds)


@cache
def _sha256(remote_id: str, size: str, seconds: int) -> Sha256:
    return Sha256(hashlib.sha256(_video(remote_id, size, seconds)).hexdigest())
