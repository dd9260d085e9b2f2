"""Carrying out plans on paper: every step's meaning, one at a time, in any order.

Actions run side by side; which one takes its next step is the caller's die. What must never
happen is asserted where it would: a recipe bought twice, a remix of a job that is gone, a
job deleted before its bytes are here, the last copy of a video destroyed.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from reconciler.domain.address import Address
from reconciler.domain.desired import Declaration
from reconciler.domain.observed import FileFact
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
    Plan,
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
from reconciler.domain.profile import Variant
from reconciler.domain.recipe import RecipeDigest, Sha256
from reconciler.domain.recorded import (
    Generation,
    GenerationId,
    JobError,
    JobStatus,
    PublishedFile,
    Recorded,
)
from reconciler.domain.world import World
from worlds import NOW, STAT, a_provider, a_world, an_asset

WAITING, STEPPED = "waiting", "stepped"
Turn = Iterator[str]
Choose = Callable[[Sequence[Address]], Address]


class StepFailedError(Exception):
    """A step came to nothing; the rest of its action is left undone."""


class Studio:
    """A project with its state, its disk, its store and its server."""

    def __init__(self) -> None:
        self.desired: dict[Address, Declaration] = {}
        self.videos: dict[Address, Recorded] = {}
        self.generations: dict[GenerationId, Generation] = {}
        self.disk: dict[str, Sha256] = {}
        self.aside: set[Sha256] = set()
        self.store: set[Sha256] = set()
        self.failing: set[str] = set()  # prompts that the server moderates
        self.bought: list[RecipeDigest] = []
        self.failed = 0  # actions of the last run
        self.moved: dict[str, str] = {}  # what the blocks of the specs say

    def world(self) -> World:
        """The project as a thorough look shows it."""
        paths = {path for each in self.desired.values() for path in each.outputs.values()}
        paths |= {file.path for each in self.videos.values() for file in each.published}
        files = {
            path: FileFact(stat=STAT, sha256=self.disk[path]) if path in self.disk else None
            for path in paths
        }
        current = {address: self._fresh(record) for address, record in self.videos.items()}
        lost = [
            replace(each, assets=gone)
            for each in self.generations.values()
            if (gone := tuple(a for a in each.assets if a.sha256 not in self.store))
        ]
        return a_world(
            self.desired.values(),
            current.values(),
            history=self.generations.values(),
            files=files,
            store_lost=lost,
            moved=self.moved,
            providers=[a_provider(edit=True, edit_upload=True, extend=True)],
        )

    def _fresh(self, record: Recorded) -> Recorded:
        def now(generation: Generation | None) -> Generation | None:
            return self.generations[generation.id] if generation else None

        deposed = tuple(self.generations[each.id] for each in record.deposed)
        return replace(
            record, current=now(record.current), pending=now(record.pending), deposed=deposed
        )

    def held(self, address: Address) -> tuple[Generation, ...]:
        """The generations that an address holds, as they are now."""
        record = self.videos.get(address)
        return self._fresh(record).generations if record else ()

    def copies(self) -> set[Sha256]:
        """The videos whose bytes are here somewhere; a picture can be made again from them."""
        videos = {an_asset(identity).sha256 for identity in self.generations}
        return videos & (self.store | self.aside | set(self.disk.values()))

    def apply(self, plan: Plan, choose: Choose, *, steps_max: int | None = None) -> None:
        """Carry out a plan, or the first steps of it."""
        self.failed = 0
        run = _Run(self, plan)
        turns = {each.address: run.turn(each) for each in plan.actions if each.steps}
        done = 0
        while turns and (steps_max is None or done < steps_max):
            waiting: set[Address] = set()
            while True:
                ready = [address for address in turns if address not in waiting]
                assert ready, f"these wait for each other: {[*map(str, turns)]}"
                address = choose(ready)
                told = next(turns[address], None)
                if told != WAITING:
                    break
                waiting.add(address)
            if told is None:
                del turns[address]
            done += 1


class _Run:
    """What the actions of one run owe to each other."""

    def __init__(self, studio: Studio, plan: Plan) -> None:
        self.studio = studio
        self.made: dict[Address, Generation] = {}
        self.over: set[Address] = set()
        self.submitted: set[Address] = set()
        self.begun_with = studio.world().recorded
        self.buys = [
            (step, each.address)
            for each in plan.actions
            for step in each.steps
            if isinstance(step, Buy)
        ]

    def turn(self, action: Action) -> Turn:
        """One step at each `next`, and whether it could be taken yet."""
        work = _Work(self, action)
        try:
            for other in action.depends_on:
                while other not in self.made:
                    if other in self.over:
                        return
                    yield WAITING
            for step in action.steps:
                while not work.is_ready(step):
                    yield WAITING
                before = self.studio.copies()
                work.take(step)
                assert before <= self.studio.copies(), f"{action.address}: {step} lost bytes"
                if work.held and work.now().status is JobStatus.COMPLETED:
                    self.made[action.address] = work.now()
                yield STEPPED
        except StepFailedError:
            self.studio.failed += 1
        finally:
            self.over.add(action.address)


class _Work:
    def __init__(self, run: _Run, action: Action) -> None:
        self.run, self.action, self.studio = run, action, run.studio
        sources = [step.source for step in action.steps if isinstance(step, Rename)]
        record = self.studio.videos.get(sources[0] if sources else action.address)
        same = [
            each
            for each in ((record.current, record.pending) if record else ())
            if each and each.digest == action.recipe_digest
        ]
        live = [each for each in same if not self.studio.generations[each.id].lost]
        self.held: GenerationId | None = next((each.id for each in live or same), None)

    def now(self) -> Generation:
        assert self.held is not None, f"{self.action.address} holds nothing"
        return self.studio.generations[self.held]

    def is_ready(self, step: Step) -> bool:
        """Whether what the step waits for in this run came about, or will not."""
        match step:
            case BindShared(of=other):
                return other in self.run.made or other in self.run.over
            case Retire(generation=identity, delete=True):
                return not self._remixes_to_come(identity)
            case DeleteJob():
                return not self._remixes_to_come(self.now().id)
            case _:
                return True

    def _remixes_to_come(self, identity: GenerationId) -> bool:
        return any(
            self._is_remix_of(step, identity)
            for step, address in self.run.buys
            if address not in self.run.submitted | self.run.over
        )

    def _is_remix_of(self, step: Buy, identity: GenerationId) -> bool:
        parent = step.declaration.parent
        if step.parent_generation is not None or parent is None:
            return step.parent_generation == identity
        return parent in self.run.made and self.run.made[parent].id == identity

    def take(self, step: Step) -> None:  # noqa: C901, PLR0912 - one case for each step
        address, studio = self.action.address, self.studio
        match step:
            case Buy():
                self._buy(step)
            case Resolve() | Adopt():
                raise AssertionError("these worlds lose no answers, and list no jobs")
            case Bind(generation=identity):
                self._hold(identity)
            case BindShared(of=other):
                if other not in self.run.made:
                    raise StepFailedError
                self._hold(self.run.made[other].id)
            case Recover():
                raise AssertionError("these worlds have no sidecars")
            case MarkLost(generation=identity):
                self._mark_lost(identity)
            case Await():
                if self._finish(self.now()).status is JobStatus.FAILED:
                    raise StepFailedError
            case Fetch(variants=variants):
                for variant in variants:
                    self._fetch(self.now(), variant)
            case Derive(variant=variant):
                assert self.now().assets, "a picture of a video that is not stored"
                self._keep(self.now(), variant)
            case TakeBack(file=file):
                if studio.disk.get(file.path) == file.sha256:
                    studio.store.add(file.sha256)
                elif file.sha256 not in studio.store:
                    raise StepFailedError
            case Publish():
                self._publish(step)
            case Promote(lifecycle=lifecycle, tags=tags):
                self._promote()
                record = replace(studio.videos[address], lifecycle=lifecycle, tags=tags)
                studio.videos[address] = record
            case Unpublish(file=file):
                self._unpublish(file)
            case Rename():
                self._rename(step)
            case Retire(generation=identity, delete=delete):
                self._retire(identity, delete=delete)
            case DeleteJob():
                self._delete(self.now().id)
            case Forget():
                del studio.videos[address]

    def _buy(self, step: Buy) -> None:
        declaration, studio = step.declaration, self.studio
        same = [g for g in studio.generations.values() if g.digest == declaration.digest]
        live = [g.id for g in same if g.status is not JobStatus.FAILED and not g.lost]
        assert not live, f"{declaration.address} is bought though {live} are there"
        parent = step.parent_generation
        if declaration.parent is not None:
            made = studio.generations[parent] if parent else self.run.made[declaration.parent]
            if step.upload is None:
                assert studio.generations[made.id].on_server, "made of a job that is gone"
            else:
                assert step.upload.sha256 in studio.store, "a video to send along is not stored"
            assert made.digest == declaration.recipe.parent.digest  # type: ignore[union-attr]
        studio.bought.append(declaration.digest)
        identity = GenerationId(f"g-{len(studio.bought):03}")
        studio.generations[identity] = Generation(
            id=identity,
            recipe=declaration.recipe,
            digest=declaration.digest,
            provider=declaration.provider,
            account=declaration.recipe.account,
            remote_id=f"video_{identity}",
            origin="bought",
            status=JobStatus.QUEUED,
            progress=0,
            created_at=NOW,
            cost_usd=step.cost_usd,
        )
        self.run.submitted.add(self.action.address)
        self._hold(identity)

    def _hold(self, identity: GenerationId) -> None:
        address, studio = self.action.address, self.studio
        record = studio.videos.get(address, Recorded(address=address))
        deposed = [each for each in record.deposed if each.id != identity]
        old = record.pending
        is_current = old and record.current and old.id == record.current.id
        if old is not None and old.id != identity and not is_current:
            deposed.append(old)
        made = studio.generations[identity]
        studio.videos[address] = replace(record, pending=made, deposed=tuple(deposed))
        self.held = identity

    def _mark_lost(self, identity: GenerationId) -> None:
        lost = self.studio.generations[identity]
        published = {
            file.sha256
            for each in self.studio.videos.values()
            for file in each.published
            if self.studio.disk.get(file.path) == file.sha256
        }
        here = an_asset(identity).sha256 in published | self.studio.store
        assert not lost.on_server, f"{identity} is on the server, so not lost"
        assert not here, f"{identity} is here, so not lost"
        self.studio.generations[identity] = replace(lost, lost=True)

    def _finish(self, generation: Generation) -> Generation:
        if generation.status.is_running:
            fails = generation.recipe.prompt in self.studio.failing
            status = JobStatus.FAILED if fails else JobStatus.COMPLETED
            error = JobError(code="moderation_blocked", message="no") if fails else None
            generation = replace(generation, status=status, progress=100, error=error)
            self.studio.generations[generation.id] = generation
        return generation

    def _fetch(self, generation: Generation, variant: Variant) -> None:
        asset = an_asset(generation.id, variant)
        if asset.sha256 in self.studio.store:
            return
        if not generation.on_server:
            raise StepFailedError
        assert generation.status is JobStatus.COMPLETED
        self._keep(generation, variant)

    def _keep(self, generation: Generation, variant: Variant) -> None:
        asset = an_asset(generation.id, variant)
        self.studio.store.add(asset.sha256)
        others = tuple(each for each in generation.assets if each.variant is not asset.variant)
        now = replace(generation, assets=(*others, asset))
        self.studio.generations[generation.id] = now

    def _publish(self, step: Publish) -> None:
        studio, address = self.studio, self.action.address
        asset = self.now().asset(step.variant)
        if asset is None or asset.sha256 not in studio.store:
            raise StepFailedError
        owners = {f.path: f for each in studio.videos.values() for f in each.published}
        there = studio.disk.get(step.path)
        if there is not None and there != asset.sha256:
            if step.path not in owners:
                raise StepFailedError
            if there != owners[step.path].sha256:
                studio.aside.add(there)
        studio.disk[step.path] = asset.sha256
        file = PublishedFile(variant=step.variant, path=step.path, sha256=asset.sha256, stat=STAT)
        for other, record in list(studio.videos.items()):
            kept = tuple(
                each
                for each in record.published
                if each.path != step.path
                and not (other == address and each.variant is step.variant)
            )
            studio.videos[other] = replace(record, published=kept)
        record = studio.videos[address]
        studio.videos[address] = replace(record, published=(*record.published, file))

    def _promote(self) -> None:
        record = self.studio.videos[self.action.address]
        if record.pending is None:
            return
        deposed = [each for each in record.deposed if each.id != record.pending.id]
        if record.current is not None and record.current.id != record.pending.id:
            deposed.append(record.current)
        self.studio.videos[self.action.address] = replace(
            record, current=record.pending, pending=None, deposed=tuple(deposed)
        )

    def _unpublish(self, file: PublishedFile) -> None:
        studio, record = self.studio, self.studio.videos[self.action.address]
        if all(each.path != file.path for each in record.published):
            return  # the path is another video's by now
        there = studio.disk.pop(file.path, None)
        if there is not None and there != file.sha256:
            studio.aside.add(there)
        kept = tuple(each for each in record.published if each.path != file.path)
        studio.videos[self.action.address] = replace(record, published=kept)

    def _rename(self, step: Rename) -> None:
        studio, address = self.studio, self.action.address
        assert not studio.held(address), f"{address} holds something already"
        record = studio.videos.pop(step.source)
        paths = dict(step.files)
        for old, new in paths.items():
            if new in studio.disk:
                raise StepFailedError
            studio.disk[new] = studio.disk.pop(old)
        published = tuple(
            replace(each, path=paths.get(each.path, each.path)) for each in record.published
        )
        studio.videos[address] = replace(record, address=address, published=published)

    def _retire(self, identity: GenerationId, *, delete: bool) -> None:
        generation = self.studio.generations[identity]
        if generation.on_server and not generation.lost:
            generation = self._finish(generation)
            if generation.status is JobStatus.COMPLETED:
                self._fetch(generation, Variant.VIDEO)
        if delete:
            self._delete(identity)
        record = self.studio.videos[self.action.address]

        def unless_it(held: Generation | None) -> Generation | None:
            return None if held and held.id == identity else held

        self.studio.videos[self.action.address] = replace(
            record,
            current=unless_it(record.current),
            pending=unless_it(record.pending),
            deposed=tuple(each for each in record.deposed if each.id != identity),
        )

    def _delete(self, identity: GenerationId) -> None:
        generation = self.studio.generations[identity]
        if generation.status is JobStatus.COMPLETED and not generation.lost:
            stored = {asset.sha256 for asset in generation.assets} & self.studio.store
            assert stored, f"{identity} is deleted before its bytes are here"
        self.studio.generations[identity] = replace(generation, on_server=False)
