"""Telling a story: a world's steps carried out on a real project, under the oracle's eyes."""

import asyncio
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import groupby
from pathlib import Path
from random import Random
from threading import Thread
from typing import assert_never

from apply.studio import ME, Run, Studio, stopped_at
from reconciler.apply.journey import Limits
from reconciler.apply.stop import Stop
from reconciler.domain.budget import NO_BUDGET
from reconciler.domain.desired import Declaration, ReferenceFile
from reconciler.domain.errors import SorafileError
from reconciler.domain.plan import Plan
from reconciler.plan.make import free_part
from simulated.clock import SimulatedClock
from simulated.faults import times
from simulated.power import Power, PowerCut
from simulated.server import SimulatedServer
from simulation.oracle import Oracle
from simulation.witness import Witness
from simulation.world import (
    Apply,
    Lose,
    Nap,
    OthersMake,
    Remove,
    Rename,
    Restart,
    Step,
    Video,
    Wait,
    World,
    Write,
)
from worlds import a_choice, a_declaration, a_provider

OTHER_MACHINE = replace(ME, host="there", pid=2)
HOME, BESIDE = "default", "other"
PATIENCE_S = 900.0  # then somebody stops the run
PATIENCE_WITH_STUCK_JOBS_S = 100.0
QUIET_S = 800.0  # after which nothing can be under way any more
RUNS_TO_REST = 5


@dataclass(slots=True)
class Story:
    """One world being told."""

    world: World
    studio: Studio
    oracle: Oracle
    trace: list[str] = field(default_factory=list)
    specs: dict[str, Video] = field(default_factory=dict)
    _dead: ExitStack = field(default_factory=ExitStack)
    _workspaces: set[str] = field(default_factory=set)
    _calls_told: int = 0

    def tell(self) -> None:
        """All of it, and then until everything is at rest.

        Raises:
            BrokenError: an invariant does not hold.
        """
        try:
            self.oracle.budget = self.world.temper.budget
            for step in self.world.steps:
                self._say(f"{step}")
                self._take(step)
            self._come_to_rest()
        finally:
            self._say_calls()
            self._dead.close()

    def _say(self, what: str) -> None:
        self._say_calls()
        self.trace.append(f"{self.studio.clock.elapsed_s:9.2f} {what}")

    def _say_calls(self) -> None:
        """What was asked of the server since; of the same many times over, the last."""
        calls = self.studio.server.calls
        fresh, self._calls_told = calls[self._calls_told :], len(calls)
        for _, same in groupby(fresh, key=lambda call: str(call).partition(" ")[2]):
            *before, last = same
            often = f" (the last of {len(before) + 1})" if before else ""
            self.trace.append(f"{last.elapsed_s:9.2f}     {str(last).partition(' ')[2]}{often}")

    @property
    def _patience_s(self) -> float:
        return PATIENCE_WITH_STUCK_JOBS_S if self.world.has_stuck_jobs else PATIENCE_S

    # --- steps --------------------------------------------------------------------------------

    def _take(self, step: Step) -> None:
        match step:
            case Write(name=name, video=video):
                self.specs[name] = video
            case Rename(old=old, new=new):
                self._rename(old, new)
            case Remove(name=name):
                self.specs.pop(name, None)
            case Apply():
                self._apply(step)
            case Wait(seconds=seconds):
                self.studio.clock.pass_by(seconds)
            case Lose(what=what):
                self._lose(what)
            case OthersMake(prompt=prompt):
                self.studio.server.others_make(prompt)
            case Restart():
                self._restart()
            case _:
                assert_never(step)

    def _rename(self, old: str, new: str) -> None:
        if old not in self.specs or new in self.specs:
            return
        self.specs[new] = self.specs.pop(old)
        for name, video in self.specs.items():
            if video.parent == old:
                self.specs[name] = replace(video, parent=new)

    def _lose(self, what: str) -> None:
        self._dead.close()
        root = self.studio.root
        if what == "everything":
            for folder in ("state", "videos"):
                shutil.rmtree(root / folder, ignore_errors=True)
        for file in root.glob("state/sorafile.db*"):
            file.unlink()
        self.oracle.forget()
        self._workspaces.clear()

    def _restart(self) -> None:
        workshop, now = self.studio.server.workshop, self.studio.clock.now()
        for job in workshop.jobs.values():
            if job.status(now).is_running:
                workshop.deleted.add(job.remote_id)

    # --- applies ------------------------------------------------------------------------------

    def _apply(self, step: Apply) -> None:
        rules = [
            times(each.times, each.fault, on=each.on, prompt=each.prompt, skip=each.skip)
            for each in step.mishaps
        ]
        self.studio.server.rules[:] = rules
        one = _Attending(self, HOME)
        try:
            if step.beside:
                self._both_apply(one)
            else:
                one.run = self._applied(step, one)
        except PowerCut:
            self._say("the power is out")
            one.was_cut = True
        except SorafileError as error:
            self._say(f"exit {error.exit_code.name}: {error}")
        finally:
            self.studio.server.rules.clear()
        one.check(is_calm=step.is_calm)

    def _applied(self, step: Apply, attending: "_Attending") -> Run:
        cut = step.cut
        power = Power(
            cut.at if cut else None,
            cut.when if cut else "before",
            self._sleeper(step.nap) if step.nap else lambda _number: None,
        )
        with ExitStack() as held:
            state = held.enter_context(self.studio.hold())
            ports = power.ports(attending.witness.ports(self.studio.ports(state)))
            stop = Stop()
            run = self.studio.applied(
                self.declared(HOME),
                ports,
                stop=stop,
                limits=Limits(budget=self.oracle.budget),
                carried=free_part if step.free else lambda plan: plan,
                choice=None if step.select is None else a_choice(step.select),
                again=self._asked_again(step),
            )
            stop_at_s = self._patience_s if step.stop_at_s is None else step.stop_at_s
            try:
                return self.studio.clock.run(power.lasts(stopped_at(stop_at_s, stop, run)))
            except PowerCut:
                self._dead.push(held.pop_all())  # a dead run gives nothing back
                raise

    def _asked_again(self, step: Apply) -> tuple[str, ...]:
        if step.again not in self.specs:
            return ()
        self.oracle.asked_again += 1
        return (step.again,)

    def _both_apply(self, one: "_Attending") -> None:
        """Two workspaces of one database apply at the same time."""
        other = _Attending(self, BESIDE)

        async def both() -> tuple[Run, Run]:
            return await asyncio.gather(self._beside(one), self._beside(other))

        one.run, other.run = self.studio.clock.run(both())
        other.check(is_calm=False)

    async def _beside(self, attending: "_Attending") -> Run:
        self._workspaces.add(attending.workspace)
        with self.studio.hold(attending.workspace) as state:
            ports = attending.witness.ports(self.studio.ports(state))
            stop = Stop()
            run = self.studio.applied(
                self.declared(attending.workspace),
                ports,
                workspace=attending.workspace,
                stop=stop,
                limits=Limits(budget=self.oracle.budget),
            )
            return await stopped_at(self._patience_s, stop, run)

    def _sleeper(self, nap: Nap) -> Callable[[int], None]:
        """The machine sleeps before an effect; another may apply meanwhile."""

        def before_effect(number: int) -> None:
            if number != nap.at:
                return
            self._say(f"the machine sleeps {nap.seconds} s")
            self.studio.clock.pass_by(nap.seconds)
            if nap.another_applies:
                self._another_applies()
            self._say("the machine wakes")

        return before_effect

    def _another_applies(self) -> None:
        """On a machine of its own, with a loop of its own, while this one stands still."""
        broken: list[BaseException] = []

        def applies() -> None:
            other = _Attending(self, HOME)
            try:
                with self.studio.hold(holder=OTHER_MACHINE) as state:
                    ports = other.witness.ports(self.studio.ports(state))
                    stop = Stop()
                    limits = Limits(budget=self.oracle.budget)
                    run = self.studio.applied(self.declared(HOME), ports, stop=stop, limits=limits)
                    other.run = self.studio.clock.run(stopped_at(self._patience_s, stop, run))
                other.check(is_calm=False)
            except SorafileError as error:
                self._say(f"exit {error.exit_code.name}: {error}")
            except BaseException as error:  # noqa: BLE001 - carried over to the thread that waits
                broken.append(error)

        thread = Thread(target=applies)
        thread.start()
        thread.join()
        if broken:
            raise broken[0]

    # --- rest -----------------------------------------------------------------------------------

    def _come_to_rest(self) -> None:
        """With nothing going wrong any more, and nothing forbidden, all comes to rest."""
        self.oracle.budget = NO_BUDGET
        self._say("all is well from now on")
        self.studio.clock.pass_by(QUIET_S)
        everybody = sorted({HOME, *self._workspaces})
        for _ in range(RUNS_TO_REST):
            plans = [plan for each in everybody if (plan := self._calm_run(each))]
            if not any(plan.has_changes for plan in plans):
                break
            self.studio.clock.pass_by(self.world.temper.settle_s * 2)
        self.oracle.check_end(plans)
        self.oracle.check_store()

    def _calm_run(self, workspace: str) -> Plan:
        attending = _Attending(self, workspace)
        attending.run = self.studio.clock.run(self._beside(attending))
        return attending.check(is_calm=True)

    def plan(self, workspace: str) -> Plan:
        """What a plan says now, with nothing going wrong."""
        rules = self.studio.server.rules[:]
        self.studio.server.rules.clear()
        try:
            return self.studio.plan(*self.declared(workspace), workspace=workspace)
        finally:
            self.studio.server.rules[:] = rules

    def declared(self, workspace: str) -> tuple[Declaration, ...]:
        """What the specs say now, in one workspace."""
        made: dict[str, Declaration] = {}
        for name in sorted(self.specs):
            self._declare(name, workspace, made, ())
        return tuple(made[name] for name in sorted(made))

    def _declare(
        self, name: str, workspace: str, made: dict[str, Declaration], below: tuple[str, ...]
    ) -> Declaration:
        if name in made:
            return made[name]
        video = self.specs[name]
        parent = video.parent if video.parent in self.specs else None
        if parent in (name, *below):
            parent = None  # told without some of its steps, a story may go in circles
        folder = "videos" if workspace == HOME else f"videos/{workspace}"
        declaration = a_declaration(
            name,
            video.prompt,
            remix_of=self._declare(parent, workspace, made, (name, *below)) if parent else None,
            seconds=video.seconds,
            reference=None if parent else video.reference,
            take=video.take,
            outputs={"video": f"{folder}/{name}.mp4"},
            tags=video.tags,
            remote=video.remote,
            on_lost=video.on_lost,
            retries=video.retries,
        )
        if declaration.recipe.reference is not None:
            declaration = replace(
                declaration,
                reference=ReferenceFile(
                    path=f"refs/{video.reference}.png",
                    sha256=declaration.recipe.reference.sha256,
                    media_type="image/png",
                ),
            )
        made[name] = declaration
        return declaration


@dataclass(slots=True)
class _Attending:
    """One run, and what is looked at when it is over."""

    story: Story
    workspace: str
    run: Run | None = None
    was_cut: bool = False
    witness: Witness = field(init=False)
    began_at: datetime = field(init=False)
    known: set[str] = field(init=False)  # the remote ids that were recorded when it began

    def __post_init__(self) -> None:
        self.witness = Witness(self.story.oracle)
        self.began_at = self.story.studio.clock.now()
        self.known = set(self.story.oracle.books().jobs)

    def check(self, *, is_calm: bool) -> Plan | None:
        """What must hold once a run is over; the next plan, where it was a calm one."""
        oracle, run, story = self.story.oracle, self.run, self.story
        if run is not None:
            story._say(f"{self.workspace}: exit {run.code.name} {run.ends()} {run.notices()}")
        oracle.check_ids(self.witness.sent, was_cut=self.was_cut)
        oracle.check_money()
        if run is None:
            return None
        oracle.check_spending(run.plan, self.witness.sent)
        oracle.check_run_cap(self.witness.sent)
        if not is_calm:
            return None
        plan = story.plan(self.workspace)
        oracle.check_rest(run, plan, story.declared(self.workspace))
        answered = {each.answered for each in self.witness.sent if each.answered}
        oracle.check_downloads(run, self.began_at, self.known | answered)
        return plan


def a_story(world: World, root: Path, database: Path) -> Story:
    """A project in an empty folder, about to live through a world."""
    (root / "state").mkdir(parents=True)
    shutil.copy(database, root / "state" / "sorafile.db")
    (root / "refs").mkdir()
    for name in ("one", "two"):
        (root / "refs" / f"{name}.png").write_text(name)
    clock, temper = SimulatedClock(), world.temper
    server = SimulatedServer(
        clock,
        slots=temper.slots,
        lifetime_s=temper.lifetime_s,
        list_lag_s=temper.list_lag_s,
        page_jobs=temper.page_jobs,
        skew_s=temper.skew_s,
        wording=temper.wording,
        chunk_bytes=2000,
    )
    for prompt, fate in (temper.fates or {}).items():
        server.fated(prompt, fate)
    provider = a_provider(
        account_use=temper.account_use,
        on_ambiguous=temper.on_ambiguous,
        list=temper.list,
        echoes=temper.echoes,
        settle_s=temper.settle_s,
        max_in_flight=temper.max_in_flight,
        requests_per_minute=temper.requests_per_minute,
        poll_interval_s=temper.poll_interval_s,
        asset_lifetime_s=temper.lifetime_s,
        delete=temper.deletes,
    )
    names = Random(world.seed)
    studio = Studio(
        root=root,
        clock=clock,
        servers={"studio": server},
        providers={"studio": provider},
        new_id=lambda: f"{names.getrandbits(128):032x}",
    )
    return Story(world=world, studio=studio, oracle=Oracle(world=world, studio=studio))
