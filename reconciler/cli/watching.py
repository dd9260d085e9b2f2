"""The watch command: plan on every save, do what may be done, show all of it."""

import asyncio
import gc
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass, field, replace
from decimal import Decimal
from pathlib import Path, PurePosixPath

import click

from reconciler.apply.journey import Limits
from reconciler.apply.stop import Stop
from reconciler.cli import streams
from reconciler.cli.carrying import carry, take_in
from reconciler.cli.clock import SystemClock
from reconciler.cli.interrupting import interruptible
from reconciler.cli.options import Options
from reconciler.cli.planning import Looked, look_and_plan, recounted, replan
from reconciler.cli.trust import Trust
from reconciler.cli.variables import given_variables
from reconciler.cli.watch_text import begun_text, ending_text
from reconciler.cli.watch_voice import JsonVoice, TextVoice, Voice
from reconciler.cli.wiring import (
    Connections,
    Declared,
    Outside,
    state_reader,
    try_project,
)
from reconciler.domain.address import Address
from reconciler.domain.errors import Diagnostic, ExitCode, SorafileError
from reconciler.domain.events import ActionFailed, Event, JobMade, PlanMade, RunEnded
from reconciler.domain.observed import brought_in
from reconciler.domain.plan import Plan
from reconciler.domain.recorded import RunId
from reconciler.domain.world import World
from reconciler.plan.selection import Selection
from reconciler.specs.folder import PROJECT_FILE_NAME, may_be_there
from reconciler.specs.outputs import fixed_folder
from reconciler.specs.project import Project, find_project
from reconciler.watch.changes import FileChanges
from reconciler.watch.deciding import Permission
from reconciler.watch.loop import EndAsked, Pressed, Saved, Watch
from reconciler.watch.places import Places
from reconciler.watch.rim import Ending, News, Outcome, Reading


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What the user said for this watch."""

    yes: bool = False
    max_cost_usd: Decimal | None = None
    parallelism: int | None = None
    selection: Selection | None = None  # None: all


def watch(said: Options, allowed: Allowed) -> int:
    """Watch until somebody ends it; return the exit code."""
    return asyncio.run(_watch(said, allowed))


async def _watch(said: Options, allowed: Allowed) -> ExitCode:
    root = find_project(said.folder)
    given_variables(said)  # a mistake in the command itself ends it
    has_keys = said.may_ask and not said.json
    clock = SystemClock()
    voice: Voice = (
        JsonVoice(terminal=said.terminal, now=clock.now, root=root)
        if said.json
        else TextVoice(
            terminal=said.terminal,
            now=clock.now,
            root=root,
            has_keys=has_keys,
            verbose=said.verbose,
        )
    )
    rim = CommandRim(said=said, allowed=allowed, root=root, voice=voice)
    watching: Watch[Declared, Looked] = Watch(
        rim,
        clock=clock,
        permission=Permission(buys=allowed.yes, max_cost_usd=allowed.max_cost_usd),
    )
    changes = FileChanges(
        tell=lambda paths: watching.happened(Saved(paths=paths)), complain=voice.say
    )
    gc.enable()
    if not said.json:
        voice.say(begun_text(root, has_keys=has_keys))
        if allowed.yes and allowed.max_cost_usd is None:
            voice.say("-y buys within a --max-cost, and none is given: what costs waits.")
    try:
        with (
            _keys(watching, has_keys=has_keys) as restore,
            _ending(watching, voice, restore),
        ):
            code = await watching.run(changes)
    finally:
        voice.close()
        await changes.aclose()
        await rim.aclose()
    if not said.json:
        try:
            said.terminal.talk(ending_text(code))
        except OSError as error:  # the terminal may be what went away
            streams.leave(error)
    return code


def _ending(
    watching: Watch[Declared, Looked], voice: Voice, restore: Callable[[], None]
) -> AbstractContextManager[None]:
    """Ctrl-C ends the watch; again, it ends the process."""

    def at_once() -> None:
        restore()
        voice.close()
        voice.say("Ended at once. Nothing is lost; go on with: sorafile apply")

    return interruptible(kindly=lambda: watching.happened(EndAsked()), at_once=at_once)


@contextmanager
def _keys(watching: Watch[Declared, Looked], *, has_keys: bool) -> Iterator[Callable[[], None]]:
    """Hear of keys; what is yielded leaves the terminal as it was found."""
    if not has_keys:
        yield lambda: None
        return
    from reconciler.cli.keys import keys_told  # Windows has no such terminals

    with keys_told(lambda key: watching.happened(Pressed(key))) as restore:
        yield restore


@dataclass(slots=True, kw_only=True)
class CommandRim:
    """A watch's `Rim`: the real files, state and servers of one project."""

    said: Options
    allowed: Allowed
    root: Path
    voice: Voice
    _connections: Connections = field(default_factory=Connections)
    _had_file: bool = False
    _is_ending: bool = False

    def read(self) -> Reading[Declared]:
        """Read the project and its specs as they are now."""
        try:
            return self._read()
        except OSError as error:  # a folder may not be entered, say
            why = f"{error.filename or self.root}: {error.strerror or error}"
            raise SorafileError(
                f"the project cannot be read: {why}", fix="Make it readable for this user."
            ) from error

    def _read(self) -> Reading[Declared]:
        try:
            given = given_variables(self.said)
        except click.UsageError as error:  # a file of variables is broken by now
            raise SorafileError(error.message) from error
        is_there = may_be_there(self.root / PROJECT_FILE_NAME)
        reading = try_project(self.root, self.said.workspace, given)
        places = _places(reading.project, reading.inputs | self._variable_files)
        if self._had_file and not is_there:
            # Some editors remove a file before they write it anew: without it, the project
            # would be another one, whose videos are made elsewhere.
            gone = Diagnostic(code="SF0151", summary=f"{PROJECT_FILE_NAME} is not there any more")
            return Reading(places=places, declared=None, facts=gone, found=(gone,))
        self._had_file = is_there
        declared = reading.declared
        if declared is None:
            return Reading(places=places, declared=None, facts=reading.found, found=reading.found)
        self.voice.warn(reading.found)
        facts = (declared.project, declared.providers, declared.desired, declared.blocks)
        return Reading(places=places, declared=declared, facts=facts, found=reading.found)

    @property
    def _variable_files(self) -> frozenset[Path]:
        return frozenset(self.said.folder / each for each in self.said.variable_files)

    async def look(self, declared: Declared) -> Looked:
        """Look and plan."""
        return await look_and_plan(
            declared,
            self._outside(declared),
            workspace=self.said.workspace,
            selection=self.allowed.selection,
        )

    def _outside(self, declared: Declared) -> Outside:
        # Nobody is asked in the middle of a watch: keys mean something else there.
        said = replace(self.said, ask=False)
        trust = Trust(said, declared.root)
        return Outside(declared, said.workspace, trust.require, connections=self._connections)

    async def carry_out(
        self,
        declared: Declared,
        looked: Looked,
        choose: Callable[[Plan, World], Plan],
        *,
        max_cost_usd: Decimal | None,
        stop: Stop,
    ) -> Outcome:
        """Under the lease, do what is chosen of the plan that the look gives by then."""
        outside = self._outside(declared)
        with outside.writer("watch") as state:
            state.void_reserved()
            recorded = state.read()
            world = replace(
                recounted(looked.world, recorded, state),
                recorded=brought_in(recorded, looked.observed),
            )
            plan = choose(replan(looked, recorded, destroy=False), world)
            if not plan.is_to_do:
                return Outcome(code=ExitCode.OK, run=None, failed={})
            take_in(plan, looked, recorded, declared=declared, outside=outside, state=state)
            witness = _Witness()
            view = self.voice.view(lambda: stop.is_asked and not self._is_ending)

            def tell(event: Event) -> None:
                witness.note(event)
                view.tell(event)

            try:
                code = await carry(
                    plan,
                    declared=declared,
                    outside=outside,
                    state=state,
                    limits=Limits(
                        parallelism=self.allowed.parallelism,
                        budget=replace(looked.world.budget, max_cost_usd=max_cost_usd),
                    ),
                    stop=stop,
                    tell=tell,
                )
            finally:
                view.close()
            return Outcome(
                code=code,
                run=witness.run,
                failed=witness.failed,
                spent_usd=witness.spent_usd,
                bought=frozenset(witness.bought),
            )

    def counted(self, declared: Declared, runs: Collection[RunId]) -> Mapping[RunId, Decimal]:
        """Dollars that each of some runs holds or spent, as far as the state knows of them."""
        return state_reader(declared.project, self.said.workspace).counted_of(runs)

    def tell(self, news: News) -> None:
        """Show what happens."""
        if isinstance(news, Ending):
            self._is_ending = True
            with suppress(OSError):  # the terminal may be what went away
                self.voice.tell(news)
        else:
            self.voice.tell(news)

    async def aclose(self) -> None:
        """Close what is open to servers."""
        await self._connections.aclose()


@dataclass(slots=True)
class _Witness:
    """What a watch must know of a run afterwards."""

    run: RunId | None = None
    failed: dict[Address, str] = field(default_factory=dict)
    spent_usd: Decimal = Decimal(0)
    bought: set[Address] = field(default_factory=set)

    def note(self, event: Event) -> None:
        if isinstance(event, PlanMade):
            self.run = event.run_id
        elif isinstance(event, ActionFailed):
            self.failed[event.address] = event.code
        elif isinstance(event, JobMade):
            self.bought.add(event.address)
        elif isinstance(event, RunEnded):
            self.spent_usd = event.cost_usd + event.held_usd


def _places(project: Project, inputs: frozenset[Path]) -> Places:
    root = project.root
    output = PurePosixPath(project.output).parts
    fixed = next((index for index, part in enumerate(output) if "{" in part), 0)
    own = {root / project.assets, *({root.joinpath(*output[:fixed])} if fixed else set())}
    database = project.database
    if database is not None and database.parent != root:
        own.add(database.parent)
    # A search for specs looks into them: only what a spec names there is an input.
    searched = {each for each in inputs if _is_in(each, own) and each.is_dir()}
    return Places(
        root=root,
        inputs=inputs - searched,
        spec_folders=frozenset(root / fixed_folder(each) for each in project.specs),
        own_folders=frozenset(own),
    )


def _is_in(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(each) for each in folders)
