"""A watch of a simulated studio: somebody saves and presses keys at simulated moments."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path

from apply.studio import NO_LIMITS, URL, Studio
from reconciler.apply.journey import Limits
from reconciler.apply.remember import record_observed
from reconciler.apply.run import carry_out
from reconciler.apply.stop import Stop
from reconciler.domain.address import Address
from reconciler.domain.budget import NO_BUDGET, Budget
from reconciler.domain.desired import Declaration
from reconciler.domain.errors import Diagnostic, ExitCode, InvalidSpecError
from reconciler.domain.events import ActionFailed, ActionStarted, Event, JobMade, PlanMade, RunEnded
from reconciler.domain.observed import brought_in
from reconciler.domain.plan import Plan
from reconciler.domain.recorded import RunId
from reconciler.domain.world import World
from reconciler.plan.make import make_plan
from reconciler.state.database import open_reader
from reconciler.watch.deciding import Permission
from reconciler.watch.loop import EndAsked, Pressed, Saved, Watch
from reconciler.watch.places import Places
from reconciler.watch.rim import (
    Broken,
    Ending,
    Hesitating,
    Idle,
    News,
    Outcome,
    Planned,
    Reading,
    Spent,
    Trouble,
    Waiting,
)

Files = tuple[Declaration, ...]
MISTAKE = Diagnostic(code="SF0000", summary="this is not TOML")
SPECS = Path("/film/specs/film.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A plan with what it was made from."""

    plan: Plan
    world: World


class NoChanges:
    """Hears nothing: the story says what is saved."""

    async def listen(self, places: Places) -> bool:
        del places
        return False


@dataclass(kw_only=True)
class Session:
    """One watch, what it told, and what a person does meanwhile. It is the watch's rim too."""

    studio: Studio
    files: Files | None = ()  # what the specs declare; None: they are broken
    budget: Budget = NO_BUDGET
    look_s: float = 0.1  # how long a look takes
    news: list[News] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    looks: int = 0
    breaks: bool = False  # whoever tells breaks, as by a bug
    limits: Limits = NO_LIMITS
    contradicts: bool = False  # the files that are saved do what the state holds
    forgets: bool = False  # its state is another one by now, which knows of no run
    _watch: "Watch[Files, Looked]" = field(init=False)

    def run(
        self,
        story: Callable[["Session"], Awaitable[None]],
        *,
        buys: bool = False,
        max_cost: str | None = None,
        longest_s: float = 24 * 3600.0,
    ) -> ExitCode:
        """Watch while the story goes on; then the watch is ended kindly."""

        async def told() -> ExitCode:
            permission = Permission(
                buys=buys, max_cost_usd=None if max_cost is None else Decimal(max_cost)
            )
            self._watch = Watch(self, clock=self.studio.clock, permission=permission)
            watching = asyncio.create_task(self._watch.run(NoChanges()))
            telling = asyncio.ensure_future(story(self))
            await asyncio.wait({telling, watching}, return_when=asyncio.FIRST_COMPLETED)
            if not watching.done():
                telling.result()
                self.end()
            telling.cancel()
            return await watching

        return self.studio.clock.run(told(), longest_s=longest_s)

    # What a person does.

    def save(self, *files: Declaration) -> None:
        """Save specs that declare these."""
        self.files = files
        self._watch.happened(Saved(paths=frozenset({SPECS})))

    def save_broken(self) -> None:
        """Save specs that cannot be read."""
        self.files = None
        self._watch.happened(Saved(paths=frozenset({SPECS})))

    def press(self, key: str) -> None:
        """Press a key."""
        self._watch.happened(Pressed(key))

    def end(self) -> None:
        """Ask for the end."""
        self._watch.happened(EndAsked())

    async def wait(self, seconds: float) -> None:
        """Let simulated time pass."""
        await self.studio.clock.sleep(seconds)

    # What was told.

    def of(self, kind: type[News]) -> list[News]:
        """What was told of one kind."""
        return [each for each in self.news if isinstance(each, kind)]

    @property
    def waiting(self) -> Waiting:
        """What was told last of what waits."""
        last = self.of(Waiting)[-1]
        assert isinstance(last, Waiting)
        return last

    def bought(self) -> list[str]:
        """The prompts of all jobs that were ever made."""
        return [job.prompt for job in self.studio.server.workshop.jobs.values()]

    def started(self) -> list[str]:
        """The actions that were begun, in their order."""
        return [str(each.address) for each in self.events if isinstance(each, ActionStarted)]

    def codes(self) -> list[ExitCode]:
        """How each run ended."""
        return [ExitCode(each.exit_code) for each in self.events if isinstance(each, RunEnded)]

    # What the watch asks.

    def read(self) -> Reading[Files]:
        places = Places(root=SPECS.parent, inputs=frozenset(), spec_folders=frozenset())
        if self.files is None:
            return Reading(places=places, declared=None, facts=None, found=(MISTAKE,))
        return Reading(places=places, declared=self.files, facts=self.files)

    async def look(self, declared: Files) -> Looked:
        self.looks += 1
        if self.contradicts and declared == self.files:
            raise InvalidSpecError((MISTAKE,))
        await self.studio.clock.sleep(self.look_s)
        recorded = self.studio.recorded()
        world = await self.studio.look(declared, recorded, self.studio.server_of, "default")
        world = replace(world, budget=self.budget)
        return Looked(plan=make_plan(world), world=world)

    async def carry_out(
        self,
        declared: Files,
        looked: Looked,
        choose: Callable[[Plan, World], Plan],
        *,
        max_cost_usd: Decimal | None,
        stop: Stop,
    ) -> Outcome:
        del declared
        studio = self.studio
        with studio.hold() as state:
            state.void_reserved()
            recorded = state.read()
            world = replace(looked.world, recorded=brought_in(recorded, looked.world.observed))
            plan = choose(make_plan(world), world)
            if not plan.is_to_do:
                return Outcome(code=ExitCode.OK, run=None, failed={})
            record_observed(
                world.observed, recorded, assets=studio.store, files=studio.files, state=state
            )
            run: RunId | None = None
            spent_usd = Decimal(0)
            failed: dict[Address, str] = {}
            bought: set[Address] = set()

            def tell(event: Event) -> None:
                nonlocal run, spent_usd
                self.events.append(event)
                if isinstance(event, PlanMade):
                    run = event.run_id
                elif isinstance(event, ActionFailed):
                    failed[event.address] = event.code
                elif isinstance(event, JobMade):
                    bought.add(event.address)
                elif isinstance(event, RunEnded):
                    spent_usd = event.cost_usd + event.held_usd

            code = await carry_out(
                plan,
                state.read(),
                ports=studio.ports(state),
                providers=studio.providers,
                limits=replace(self.limits, budget=replace(self.budget, max_cost_usd=max_cost_usd)),
                stop=stop,
                tell=tell,
            )
            return Outcome(
                code=code, run=run, failed=failed, spent_usd=spent_usd, bought=frozenset(bought)
            )

    def counted(self, declared: Files, runs: Collection[RunId]) -> Mapping[RunId, Decimal]:
        del declared
        if self.forgets:
            return {}
        return open_reader(URL, self.studio.root, "default").counted_of(runs)

    def tell(self, news: News) -> None:
        if self.breaks:
            raise ZeroDivisionError
        self.news.append(news)


__all__ = [
    "Broken",
    "Ending",
    "Hesitating",
    "Idle",
    "Planned",
    "Session",
    "Spent",
    "Trouble",
    "Waiting",
]
