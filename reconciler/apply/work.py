"""One action, step by step."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import assert_never

from reconciler.apply.download import fetch, keep
from reconciler.apply.gate import Gate
from reconciler.apply.journey import Journey, Lane
from reconciler.apply.poll import OverdueError
from reconciler.apply.publishing import Published
from reconciler.apply.remember import recover
from reconciler.apply.results import Results
from reconciler.apply.stop import StoppedError
from reconciler.apply.submit import buy, settle, settle_to_buy_again
from reconciler.domain.address import Address
from reconciler.domain.errors import (
    AbsentError,
    BadAssetError,
    JobGoneError,
    RejectedError,
    SorafileError,
    StalePlanError,
)
from reconciler.domain.events import ActionLeft, JobAwaited, JobProgress, Waits
from reconciler.domain.observed import ObservedJob
from reconciler.domain.plan import (
    Action,
    Adopt,
    Await,
    Bind,
    BindShared,
    Buy,
    DeleteJob,
    Derive,
    Fetch,
    Forget,
    MarkLost,
    Promote,
    Publish,
    Recover,
    Rename,
    Resolve,
    Retire,
    Step,
    TakeBack,
    Unpublish,
)
from reconciler.domain.ports import Found
from reconciler.domain.profile import Variant
from reconciler.domain.provider import reaching
from reconciler.domain.recorded import (
    Asset,
    Attempt,
    AttemptId,
    Generation,
    GenerationId,
    JobStatus,
    PublishedFile,
    RecordedState,
    RunId,
    brief_id,
)
from reconciler.plan.lost_answers import awaiting
from reconciler.plan.matching import TOLERANCE_S
from reconciler.plan.retries import may_pass, reason, verdict

_RETRY_WAIT_S = 10.0  # before the first retry, and twice as long before each that follows
_RETRY_WAIT_S_MAX = 120.0
_ANOTHER_RECIPE = "change the prompt or the settings: another recipe is another job"


class NotBegunError(Exception):
    """An action was not begun, since one that it waits for did not get done."""


class ActionFailedError(SorafileError):
    """An action ended without what it was for."""

    code = "failed"


class JobStuckError(ActionFailedError):
    """A job did not come to its end by its deadline."""

    code = "stuck"


class JobFailedError(ActionFailedError):
    """The server ended a job without a video."""

    code = "job_failed"


@dataclass(slots=True, kw_only=True)
class Work:
    """One action under way: what its address holds, and what it spent."""

    action: Action
    rank: float  # the lowest is the most urgent
    run: RunId
    recorded: RecordedState
    results: Results
    published: Published
    journey: Journey
    _held: Generation | None = field(init=False, default=None)
    _bought: Buy | None = field(init=False, default=None)  # with what may still be bought again
    _has_place: str | None = field(init=False, default=None)  # the provider whose slot is taken
    _unresolved: Attempt | None = field(init=False, default=None)  # keeps others out of the gate
    _lost: set[GenerationId] = field(init=False, default_factory=set)  # found so in this action
    _had_after_all: bool = field(init=False, default=False)  # what was to be bought again

    def __post_init__(self) -> None:
        self._held = self._held_before()
        held = self._held
        waits = any(isinstance(step, Await) for step in self.action.steps)
        # Where another is bought, what waits for that; its lost forerunner takes no place.
        if held is not None and held.status.is_running and waits and not self.action.purchases:
            self._occupy_place(held)
        for step in self.action.steps:
            if isinstance(step, Resolve):
                self._keep_others_out(step)

    def _held_before(self) -> Generation | None:
        sources = [s.source for s in self.action.steps if isinstance(s, Rename)]
        video = self.recorded.videos.get(sources[0] if sources else self.action.address)
        if video is None:
            return None
        wanted = self.action.recipe_digest
        same = [each for each in (video.current, video.pending) if each and each.digest == wanted]
        return next((each for each in same if not each.lost), same[0] if same else None)

    @property
    def remote_id(self) -> str | None:
        """The job that the address holds by now."""
        return self._held.remote_id if self._held else None

    def leave(self) -> ActionLeft:
        """Leave the action to the next run, and say how it stands."""
        self.results.left(self.action.address)
        held = self._held
        is_running = held is not None and held.status.is_running
        return ActionLeft(
            address=self.action.address,
            action=self.action.kind,
            remote_id=held.remote_id if held and is_running else None,
            expires_at=self._had_until(held) if held else None,
        )

    def _had_until(self, held: Generation) -> datetime | None:
        """Until when its video can surely be had; a job that runs could finish right now."""
        provider = self.journey.providers.get(held.provider)
        lifetime_s = provider.profile.asset_lifetime_s if provider else None
        if held.expires_at is not None or not held.status.is_running or lifetime_s is None:
            return held.expires_at
        return self.journey.ports.clock.now() + timedelta(seconds=lifetime_s)

    async def wait_for_others(self) -> None:
        """Wait for the jobs of the actions that come first.

        Raises:
            NotBegunError: one of them got none.
            StoppedError: the run was stopped, or one of them is left to the next run.
        """
        for other in self.action.depends_on:
            made = await self.journey.stop.or_stop(self.results.of(other))
            if made is None:
                await self._bring_in_what_goes()
                raise NotBegunError(f"{other} has no finished job")
        if self.journey.stop.is_asked:
            raise StoppedError

    async def do(self) -> None:
        """Do every step in order."""
        replaced = [asyncio.create_task(self._bring_in_ahead(each)) for each in self._replaced()]
        try:
            for step in self.action.steps:
                await self._step(step)
                if self._held is not None and self._held.status is JobStatus.COMPLETED:
                    self.results.made(self.action.address, self._held)
        finally:
            for task in replaced:
                task.cancel()
            await asyncio.gather(*replaced, return_exceptions=True)

    async def _bring_in_what_goes(self) -> None:
        """Store what is finished and was to be let go, though nothing comes in its place now.

        It was paid for, and may expire before the next run.
        """
        for step in self.action.steps:
            if isinstance(step, Retire):
                going = self.recorded.generations[step.generation]
                is_finished = going.status is JobStatus.COMPLETED and not going.lost
                if is_finished and going.on_server and not await self._is_verified(going):
                    await self._stored(going, Variant.VIDEO)

    def _replaced(self) -> list[Generation]:
        """The jobs that run still and are let go at the end: their videos may not last so long."""
        if not self.journey.limits.wait:
            return []
        going = [step.generation for step in self.action.steps if isinstance(step, Retire)]
        lost = [step.generation for step in self.action.steps if isinstance(step, MarkLost)]
        found = [self.recorded.generations[each] for each in going if each not in lost]
        return [each for each in found if each.status.is_running and each.on_server]

    async def _bring_in_ahead(self, generation: Generation) -> None:
        """Store the video of a job as soon as it is finished, while its successor is made."""
        lane = self.journey.lane(self._lane_name(generation))
        waiting = lane.poller.finished(generation, lambda _job: None)
        done = await self.journey.stop.or_stop(waiting)
        if done.status is JobStatus.COMPLETED:
            await self._stored(done, Variant.VIDEO)

    def close(self) -> None:
        """Give back what is held of the run, whatever came of the action."""
        self._give_back_place()
        self._let_others_in()
        self.results.over(self.action.address)

    async def _step(self, step: Step) -> None:  # noqa: C901, PLR0912 - one case for each step
        state, address = self.journey.ports.state, self.action.address
        match step:
            case Buy():
                if not self._had_after_all:
                    await self._buy(step)
            case Resolve():
                await self._resolve(step)
            case Adopt():
                self._adopt(step, step.given_up)
            case Bind(generation=identity):
                state.bind(address, identity)
                self._held = self.recorded.generations[identity]
            case BindShared(of=other):
                await self._share(other)
            case Recover(sidecar=sidecar, tags=tags):
                identity = recover(sidecar, self.journey.ports.assets, state, tags)
                state.bind(address, identity)
                self._held = state.read().generations[identity]
            case MarkLost(generation=identity):
                await self._lose(self.recorded.generations[identity])
            case Await():
                await self._await(step)
            case Fetch():
                await self._fetch(step)
            case Promote(lifecycle=lifecycle, tags=tags):
                state.promote(address, lifecycle, tags)
            case Retire(generation=identity):
                if not (self._had_after_all and identity == self._holding().id):
                    await self._retire(step)
            case DeleteJob():
                await self._delete_unless_needed(self._holding())
            case Forget():
                state.forget(address)
            case Derive(variant=variant):
                await self._derive(variant)
            case Publish() | Unpublish() | Rename() | TakeBack():
                async with self.journey.whole_file():
                    self._files(step)
            case _:
                assert_never(step)

    def _files(self, step: Publish | Unpublish | Rename | TakeBack) -> None:
        address = self.action.address
        match step:
            case Publish(variant=variant, path=path):
                asset = self._holding().asset(variant)
                if asset is not None:  # a picture that the server did not have was told already
                    self.published.publish(address, asset, path)
            case Unpublish(file=file):
                self.published.unpublish(address, file)
            case Rename(source=source, files=files):
                self.published.rename(source, address, files)
            case TakeBack(file=file):
                self._take_back(file)
            case _:
                assert_never(step)

    def _take_back(self, file: PublishedFile) -> None:
        """Fill the store from a published file, whichever generation it is of."""
        held = (self._held,) if self._held is not None else ()
        for generation in (*held, *self.recorded.generations.values()):
            asset = generation.asset(file.variant)
            if asset is not None and asset.sha256 == file.sha256:
                self.published.take_back(file, asset)
                kept = keep(asset, generation, self.journey)
                self._held = kept if self._held and self._held.id == kept.id else self._held
                return

    async def _lose(self, generation: Generation) -> None:
        """Give up a video that is lost, unless its server gives it all the same.

        No two clocks agree: what has expired by this one may be there still, and is looked for
        before it is paid for again.
        """
        state, address = self.journey.ports.state, self.action.address
        lane = self._lane_to_ask_again(generation) if self.action.purchases else None
        if lane is not None:
            try:
                stored = await fetch(
                    Variant.VIDEO, generation, address=address, lane=lane, journey=self.journey
                )
            except (JobGoneError, BadAssetError, RejectedError):
                pass  # lost it is
            else:
                state.bind(address, stored.id)
                self._held, self._had_after_all = stored, True
                self.results.submitted(address)
                return
        state.lost(generation.id)
        self._lost.add(generation.id)
        if self._held is not None and self._held.id == generation.id:
            self._held = None  # what takes its place is what its remixes wait for

    def _lane_to_ask_again(self, generation: Generation) -> Lane | None:
        """The way to a job that nothing but the time says is gone; None where more does."""
        providers = self.journey.providers
        found = reaching(providers, name=generation.provider, account=generation.account)
        if found is None or not generation.on_server or generation.missing_count:
            return None
        return self.journey.lane(found.name)

    async def _buy(self, step: Buy) -> None:
        self._held = await buy(
            step,
            parent=None if step.upload is not None else await self._parent_of(step),
            rank=self.rank,
            run=self.run,
            journey=self.journey,
        )
        self._bought = step
        self._has_place = step.declaration.provider
        self.results.submitted(self.action.address)

    async def _resolve(self, step: Resolve) -> None:
        """Find the job of a lost answer, or buy in its place where there is none."""
        attempt = self._attempt(step)
        lane = self.journey.lane(self._lane_of(attempt.provider, attempt.account))
        find_out = settle if step.otherwise is None else settle_to_buy_again
        found = await find_out(attempt, self.action.address, lane=lane, journey=self.journey)
        self._let_others_in()
        if found is not None:
            self._held, self._bought = found, step.otherwise
            self.results.submitted(self.action.address)
        elif step.otherwise is not None:
            await self._buy(step.otherwise)
        else:
            raise NotBegunError("its request made nothing, and buying it again costs money")

    def _attempt(self, step: Resolve) -> Attempt:
        return next(each for each in self.recorded.attempts if each.id == step.attempt)

    def _keep_others_out(self, step: Resolve) -> None:
        """Let nothing be sent meanwhile that a list could take for the lost request."""
        attempt = self._attempt(step)
        if attempt.echo is not None:
            self._unresolved = attempt
            self._gate_of(attempt).occupy(attempt.echo, attempt.kin or attempt.digest)

    def _let_others_in(self) -> None:
        attempt, self._unresolved = self._unresolved, None
        if attempt is not None and attempt.echo is not None:
            self._gate_of(attempt).leave(attempt.echo, attempt.kin or attempt.digest)

    def _gate_of(self, attempt: Attempt) -> Gate:
        return self.journey.lane(self._lane_of(attempt.provider, attempt.account)).gate

    def _adopt(self, step: Adopt, given_up: AttemptId | None) -> None:
        declaration, state = step.declaration, self.journey.ports.state
        use = self.journey.providers[declaration.provider].account_use
        is_ours = use == "exclusive" and not step.named
        if given_up is not None:
            self._held = state.twin(given_up, step.job, is_ours=is_ours)
            state.bind(declaration.address, self._held.id)
            return
        self._refuse_to_adopt_anothers(step)
        self._held = state.found(
            Found(
                address=declaration.address,
                recipe=declaration.recipe,
                digest=declaration.digest,
                provider=declaration.provider,
                job=step.job,
                cost_usd=step.cost_usd,
                is_ours=is_ours,
                lifecycle=declaration.lifecycle,
                tags=declaration.tags,
            )
        )

    def _refuse_to_adopt_anothers(self, step: Adopt) -> None:
        """See that nobody else of this database has, or awaits, a job that was in a list.

        What the state said before the list was read is too old to tell: the job may be the
        answer that another workspace waits for at this moment.
        """
        account, job = step.declaration.recipe.account, step.job
        recorded = self.journey.ports.state.read()
        is_known = any(
            (each.account, each.remote_id) == (account, job.remote_id)
            for each in recorded.generations.values()
        )
        if is_known or awaiting(recorded.attempts, account, job) is not None:
            raise StalePlanError(
                f"job {job.remote_id} may be what another run has just asked for, so it is not"
                " taken; nothing was bought",
                fix="plan again once that run has its answer",
            )

    async def _parent_of(self, step: Buy) -> str | None:
        """The remote id of the job that it derives from."""
        parent = step.declaration.parent
        if parent is None:
            return step.declaration.external_parent
        if step.parent_generation is not None:
            return self.recorded.generations[step.parent_generation].remote_id
        made = await self.journey.stop.or_stop(self.results.of(parent))
        if made is None:
            raise NotBegunError(f"its parent {parent} has no finished job")
        return made.remote_id

    async def _share(self, other: Address) -> None:
        made = await self.journey.stop.or_stop(self.results.of(other))
        if made is None:
            raise NotBegunError(f"{other} has no finished job")
        self.journey.ports.state.bind(self.action.address, made.id)
        self._held = made

    async def _await(self, step: Await) -> None:
        """Wait for the job, and for those that are bought in its place where it fails."""
        await self._await_one(step)
        while (failed := self._holding()).status is JobStatus.FAILED:
            await self._buy_again(failed)
            await self._await_one(step)

    async def _await_one(self, step: Await) -> None:
        held = self._holding()
        if held.status.is_running:
            if self._has_place is None:
                self._occupy_place(held)
            held = await self._finished(held, step.deadline_s)
        self._held = held
        self._give_back_place()

    async def _buy_again(self, failed: Generation) -> None:
        """Buy once more what failed for a reason that may pass, if the plan said so.

        Raises:
            JobFailedError: it is not bought again.
        """
        told = f"its job {failed.remote_id} failed ({reason(failed.error)})"
        bought = self._bought
        if bought is None:
            raise JobFailedError(told, fix=f"plan again to see what follows; or {_ANOTHER_RECIPE}")
        failures, retries = bought.failures + 1, bought.declaration.lifecycle.retries
        profile = self.journey.providers[bought.declaration.provider].profile
        told += verdict(failed.error, profile, retries=retries, failures=failures)
        if not may_pass(failed.error, profile):
            raise JobFailedError(told, fix=_ANOTHER_RECIPE)
        if not bought.retries:
            raise JobFailedError(told, fix=f"more `retries` buy it again; or {_ANOTHER_RECIPE}")
        self.journey.notice(f"{self.action.address}: {told}", code="SF0610")
        self.journey.wait(self.action.address, Waits.RETRY)
        wait_s = min(_RETRY_WAIT_S * 2**bought.failures, _RETRY_WAIT_S_MAX)
        await self.journey.stop.or_stop(self.journey.ports.clock.sleep(wait_s))
        await self._buy(replace(bought, retries=bought.retries - 1, failures=failures))
        # Its job stays where it is: the plan did not name it, so nobody agreed to its deletion.
        self.journey.ports.state.retired(self.action.address, failed.id)

    async def _finished(self, generation: Generation, deadline_s: float | None) -> Generation:
        if not self.journey.limits.wait:
            self._leave_place()
            raise StoppedError
        lane = self.journey.lane(self._lane_name(generation))
        self.journey.tell(
            JobAwaited(
                address=self.action.address,
                remote_id=generation.remote_id,
                created_at=generation.created_at,
                expected=self.journey.forecast.of_job(generation),
            )
        )
        waiting = lane.poller.finished(generation, self._progress, deadline_s=deadline_s)
        try:
            return await self.journey.stop.or_stop(waiting)
        except OverdueError as error:
            raise JobStuckError(
                f"its {error.job}",
                fix="no other is bought: the next plans look at it, and take its video once it has"
                " finished; a longer `deadline` waits for longer",
            ) from error

    def _progress(self, job: ObservedJob) -> None:
        self.journey.tell(
            JobProgress(address=self.action.address, status=job.status, percent=job.progress)
        )

    async def _fetch(self, step: Fetch) -> None:
        # The video first: it is what was paid for, and pictures can be made from it.
        for variant in sorted(step.variants, key=lambda each: each is not Variant.VIDEO):
            self._held = await self._stored(self._holding(), variant)
            if self._holding().asset(variant) is None:
                await self._derive(variant)
        video = self._held.asset(Variant.VIDEO) if self._held else None
        if video is not None and Variant.VIDEO in step.variants:
            for differs in unlike_asked(video, step):
                self.journey.notice(f"{self.action.address}: {differs}", code="SF0601")

    async def _derive(self, variant: Variant) -> None:
        held = self._holding()
        video = held.asset(Variant.VIDEO)
        if video is not None:
            async with self.journey.whole_file():
                picture = self.journey.ports.assets.derive(video, variant)
            self._held = keep(picture, held, self.journey)

    async def _stored(self, generation: Generation, variant: Variant) -> Generation:
        lane = self.journey.lane(self._lane_name(generation))
        try:
            return await fetch(
                variant, generation, address=self.action.address, lane=lane, journey=self.journey
            )
        except JobGoneError as error:
            if await self._is_rescued(generation, variant):
                return generation
            # Said often enough, or by the server's own word; that the job can still be seen
            # would make every later plan hope anew.
            self.journey.ports.state.lost(generation.id)
            raise ActionFailedError(
                f"the video of job {generation.remote_id} is gone from the server: {error.message}",
                fix='the next plan shows what is left of it; on_lost = "regenerate" buys it again',
            ) from error

    async def _is_rescued(self, generation: Generation, variant: Variant) -> bool:
        """Whether a published file had what the store has lost, and filled it again."""
        asset = generation.asset(variant)
        if asset is None:
            return False
        async with self.journey.whole_file():
            return self.published.rescue(asset)

    async def _retire(self, step: Retire) -> None:
        """Store what was paid for, delete the job where that is wanted, and let go."""
        generation = self.recorded.generations[step.generation]
        is_lost = generation.lost or step.generation in self._lost
        generation = replace(generation, lost=is_lost)
        if generation.status.is_running and generation.on_server and not generation.lost:
            generation = await self._finished(generation, step.deadline_s)
        finished = generation.status is JobStatus.COMPLETED and not generation.lost
        if finished and generation.on_server and not await self._is_verified(generation):
            generation = await self._stored(generation, Variant.VIDEO)
        try:
            if step.delete and not await self._delete_unless_needed(generation):
                return  # held on to, so that the next run deletes it
        except AbsentError as error:
            # As if its profile had said so: nobody would ever get further than this.
            self.journey.notice(
                f"job {brief_id(generation.remote_id)} stays behind: {error.message}",
                code="SF0611",
                fix=error.fix,
            )
        self.journey.ports.state.retired(self.action.address, generation.id)

    async def _delete_unless_needed(self, generation: Generation) -> bool:
        """Delete a job once its video is verified here, unless something is to be made of it.

        One that may be another's is let be, whatever the plan hoped to buy: it was found in the
        list of a shared account, after the answer to our own request was lost.
        """
        if not generation.is_ours:
            self.journey.notice(
                f"job {generation.remote_id} is not deleted: it may be another's",
                code="SF0609",
            )
            return True
        has_video = generation.status is JobStatus.COMPLETED and not generation.lost
        if has_video and not await self._is_verified(generation):
            raise ActionFailedError(
                f"job {generation.remote_id} is not deleted: its video is not whole in the store",
                fix="get it back, if it is still somewhere, with: sorafile apply --verify",
            )
        needed = self.results.derivations_are_submitted(generation.id)
        if not await self.journey.stop.or_stop(needed):
            self.journey.notice(
                f"job {generation.remote_id} is not deleted yet: a video is still to be made of it",
                code="SF0605",
            )
            return False
        lane: Lane = self.journey.lane(self._lane_name(generation))
        await lane.server().delete(generation.remote_id)
        self.journey.ports.state.deleted(generation.id)
        return True

    async def _is_verified(self, generation: Generation) -> bool:
        video = generation.asset(Variant.VIDEO)
        return video is not None and await self.journey.is_intact(video)

    def _lane_name(self, generation: Generation) -> str:
        return self._lane_of(generation.provider, generation.account)

    def _lane_of(self, provider: str, account: str) -> str:
        found = reaching(self.journey.providers, name=provider, account=account)
        if found is None:
            raise ActionFailedError(
                f"no provider of account {account!r} is declared any more",
                fix="declare it again in sorafile.toml",
            )
        return found.name

    def _holding(self) -> Generation:
        if self._held is None:
            raise ActionFailedError(f"{self.action.address} holds no generation")
        return self._held

    def _occupy_place(self, running: Generation) -> None:
        """Count a job that runs already, which need not wait for a place."""
        if running.id in self.journey.counted:
            return  # another address waits for it too
        self.journey.counted.add(running.id)
        self._has_place = self._lane_name(running)
        self.journey.lane(self._has_place).jobs.occupy()

    def _leave_place(self) -> None:
        """Leave the place to a job that will outlive the run."""
        if self._has_place is not None:
            self.journey.lane(self._has_place).jobs.leave_taken()
            self._has_place = None

    def _give_back_place(self) -> None:
        if self._has_place is not None:
            self.journey.lane(self._has_place).jobs.give_back()
            self._has_place = None


def unlike_asked(video: Asset, step: Fetch) -> list[str]:
    """In what a video differs from what was asked, a sentence each."""
    found: list[str] = []
    size = f"{video.width}x{video.height}"
    if video.width is not None and step.size is not None and size != step.size:
        found.append(f"its video is {size}, not {step.size} as asked; it is kept")
    lasts, asked = video.duration_s, step.seconds
    if lasts is not None and asked is not None and abs(lasts - asked) > TOLERANCE_S:
        found.append(f"its video lasts {lasts:.1f} s, not {asked} s; it is kept")
    return found
