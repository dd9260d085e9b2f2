"""A project with a real state, store and folder, whose server and clock are simulated."""

import asyncio
import shutil
import sqlite3
from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from reconciler.apply.journey import Limits, Ports
from reconciler.apply.observe import Eyes, observe
from reconciler.apply.remember import rebuild_ledger, record_observed
from reconciler.apply.run import carry_out
from reconciler.apply.stop import Stop
from reconciler.assets.published import ProjectFiles
from reconciler.assets.store import FolderStore
from reconciler.domain.address import Address
from reconciler.domain.blocks import NO_BLOCKS, Blocks
from reconciler.domain.bookings import Booking
from reconciler.domain.desired import Declaration, tags_by_recipe
from reconciler.domain.errors import ExitCode
from reconciler.domain.events import (
    ActionCompleted,
    ActionFailed,
    ActionLeft,
    ActionSkipped,
    ActionStarted,
    Event,
    Noticed,
    RunEnded,
)
from reconciler.domain.observed import brought_in
from reconciler.domain.plan import Choice, Plan
from reconciler.domain.ports import Holder, Server, StateWriter
from reconciler.domain.profile import Variant
from reconciler.domain.provider import Provider
from reconciler.domain.recipe import recipe_from
from reconciler.domain.recorded import Generation, Recorded, RecordedState
from reconciler.domain.world import World
from reconciler.plan.external import shaped
from reconciler.plan.looks import Refresh, looks, looks_again, seen_again
from reconciler.plan.make import free_part, make_plan
from reconciler.plan.recipes import as_wanted, named
from reconciler.state.database import open_reader, open_writer
from simulated.clock import SimulatedClock
from simulated.fitter import SimulatedFitter
from simulated.media import asset_bytes
from simulated.power import Power
from simulated.server import SimulatedServer
from worlds import a_provider

URL = "sqlite:///state/sorafile.db"
NO_LIMITS = Limits()
ME = Holder(host="here", pid=1, process_started="boot pid:[1] 1", user="ann", command="apply")
Terminal = ActionCompleted | ActionLeft | ActionFailed | ActionSkipped


@dataclass(frozen=True, kw_only=True)
class Run:
    """What one apply said and did."""

    code: ExitCode
    plan: Plan
    events: tuple[Event, ...]
    seconds: float  # of simulated time

    def ends(self) -> dict[str, str]:
        """How every action ended: `completed`, `left`, `failed` or `skipped`."""
        return {
            str(event.address): type(event).__name__.removeprefix("Action").lower()
            for event in self.events
            if isinstance(event, Terminal)
        }

    def terminal_addresses(self) -> list[Address]:
        """Whose end was told, once for each time, sorted."""
        return sorted(event.address for event in self.events if isinstance(event, Terminal))

    def failure(self, address: str) -> ActionFailed:
        """The failure of one action."""
        return next(
            event
            for event in self.events
            if isinstance(event, ActionFailed) and str(event.address) == address
        )

    def notices(self) -> list[str]:
        """What a person was told beside."""
        return [event.diagnostic.summary for event in self.events if isinstance(event, Noticed)]

    @property
    def ended(self) -> RunEnded:
        """The last event."""
        last = self.events[-1]
        assert isinstance(last, RunEnded)
        return last

    def started(self) -> list[str]:
        """The actions in the order in which they began."""
        return [str(event.address) for event in self.events if isinstance(event, ActionStarted)]


@dataclass(kw_only=True)
class Studio:
    """A project, and all that is outside of it."""

    root: Path
    clock: SimulatedClock = field(default_factory=SimulatedClock)
    servers: dict[str, SimulatedServer] = field(default_factory=dict)
    providers: dict[str, Provider] = field(default_factory=dict)
    new_id: Callable[[], str] = lambda: uuid4().hex
    every_byte: bool = False  # as with `--verify`
    blocks: Blocks = NO_BLOCKS
    _dead: ExitStack = field(default_factory=ExitStack)  # what crashed runs left open

    def __post_init__(self) -> None:
        if not self.providers:
            self.provider()

    def provider(
        self, name: str = "studio", *, server: SimulatedServer | None = None, **profile: object
    ) -> SimulatedServer:
        """Declare a provider, its profile corrected, and return its server."""
        self.providers[name] = a_provider(name, account=name, **profile)  # type: ignore[arg-type]
        self.servers[name] = server or self.servers.get(name) or SimulatedServer(self.clock)
        return self.servers[name]

    @property
    def server(self) -> SimulatedServer:
        """The server of the usual provider."""
        return self.servers["studio"]

    @property
    def store(self) -> FolderStore:
        """The asset store."""
        return FolderStore(self.root / "state" / "assets")

    @property
    def files(self) -> ProjectFiles:
        """The published files."""
        return ProjectFiles(self.root)

    def bytes_at(self, path: str) -> bytes | None:
        """What lies where a user looks."""
        file = self.root / path
        return file.read_bytes() if file.exists() else None

    def made(self, prompt: str, nth: int = 1) -> bytes:
        """The video that the n-th job of a prompt made."""
        jobs = [job for job in self.server.workshop.jobs.values() if job.prompt == prompt]
        job = jobs[nth - 1]
        return asset_bytes(Variant.VIDEO, job.remote_id, size=job.size, seconds=job.seconds)

    def recorded(self, workspace: str = "default") -> RecordedState:
        """What the state remembers."""
        return open_reader(URL, self.root, workspace).read()

    def video(self, address: str) -> Recorded:
        """What the state remembers of one address."""
        return self.recorded().videos[Address.parse(address)]

    def current(self, address: str) -> Generation:
        """What is published of one address."""
        current = self.video(address).current
        assert current is not None
        return current

    def lose_everything_of(self, address: str) -> None:
        """Take a video from the server, from the store and from where it was published."""
        current = self.current(address)
        self.server.workshop.alter(current.remote_id, expires_at=self.clock.now())
        self.write("UPDATE generations SET expires_at = completed_at")
        for asset in current.assets:
            self.store.path(asset.sha256).unlink()
        for file in self.video(address).published:
            (self.root / file.path).unlink()

    def bookings(self) -> tuple[Booking, ...]:
        """What the ledger says."""
        return open_reader(URL, self.root, "default").bookings()

    def lose_database(self) -> None:
        """Nothing is left of the state but the asset store."""
        for file in (self.root / "state").glob("sorafile.db*"):
            file.unlink()

    def attempts(self) -> list[tuple[str, str]]:
        """Prompts and states of all attempts that were ever made, in their order."""
        rows = self.rows(
            "SELECT recipes.canonical, attempts.state FROM attempts JOIN recipes USING (digest)"
            " ORDER BY attempts.rowid"
        )
        return [(recipe_from(canonical).prompt, state) for canonical, state in rows]

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        """What the tables hold."""
        with closing(sqlite3.connect(self.root / "state" / "sorafile.db")) as connection:
            return connection.execute(statement).fetchall()

    def write(self, statement: str) -> None:
        """Change the tables behind the program's back."""
        with closing(sqlite3.connect(self.root / "state" / "sorafile.db")) as connection:
            connection.execute(statement)
            connection.commit()

    def plan(
        self,
        *declared: Declaration,
        refresh: Refresh = "auto",
        workspace: str = "default",
        again: tuple[str, ...] = (),
    ) -> Plan:
        """Look at everything, and decide."""

        async def planned() -> Plan:
            recorded = self.recorded(workspace)
            look = self.look(declared, recorded, self.server_of, workspace, refresh, again)
            return make_plan(await look)

        return self.clock.run(planned())

    def apply(
        self,
        *declared: Declaration,
        limits: Limits = NO_LIMITS,
        stop_at_s: float | None = None,
        free: bool = False,
        destroy: bool = False,
        choice: Choice | None = None,
        again: tuple[str, ...] = (),
        on_event: Callable[[Event], None] = lambda _event: None,
    ) -> Run:
        """Plan and carry out, as the command does; `stop_at_s` is counted from the begin."""
        with self.hold() as state:
            ports = self.ports(state)
            stop = Stop()
            run = self.applied(
                () if destroy else declared,
                ports,
                limits=limits,
                stop=stop,
                carried=free_part if free else lambda plan: plan,
                destroy=destroy,
                choice=choice,
                again=again,
                on_event=on_event,
            )
            return self.clock.run(stopped_at(stop_at_s, stop, run))

    def apply_while_powered(
        self, power: Power, *declared: Declaration, again: tuple[str, ...] = ()
    ) -> Run:
        """Apply for as long as there is power; what a dead run held is never given back.

        Raises:
            PowerCut: it went out.
        """
        state = self._dead.enter_context(self.hold())
        run = self.applied(declared, power.ports(self.ports(state)), again=again)
        return self.clock.run(power.lasts(run))

    def twin(self, root: Path) -> "Studio":
        """Another project that is just like this one now, and goes its own way."""
        shutil.copytree(self.root, root, dirs_exist_ok=True)
        clock = SimulatedClock()
        clock.pass_by(self.clock.elapsed_s)
        servers = {name: server.twin(clock) for name, server in self.servers.items()}
        return Studio(
            root=root,
            clock=clock,
            servers=servers,
            providers=dict(self.providers),
            blocks=self.blocks,
        )

    def close(self) -> None:
        """Close what dead runs left open."""
        self._dead.close()

    def server_of(self, name: str) -> Server:
        """The server of a provider."""
        return self.servers[name]

    def hold(
        self, workspace: str = "default", holder: Holder = ME
    ) -> AbstractContextManager[StateWriter]:
        """Hold a workspace."""
        return open_writer(URL, self.root, workspace, holder, self.clock.now, self.new_id)

    def ports(self, state: StateWriter) -> Ports:
        """What a run of this project needs."""
        return Ports(
            clock=self.clock,
            server_of=self.server_of,
            state=state,
            assets=self.store,
            files=self.files,
            images=SimulatedFitter(),
        )

    async def look(
        self,
        declared: tuple[Declaration, ...],
        recorded: RecordedState,
        server_of: Callable[[str], Server],
        workspace: str,
        refresh: Refresh = "auto",
        again: tuple[str, ...] = (),
    ) -> World:
        """All that a plan is made from."""
        as_written = {each.address: each for each in declared}
        desired = as_wanted(
            as_written,
            recorded,
            workspace=workspace,
            blocks=self.blocks,
            sidecars=self.store.every_sidecar() if recorded.is_new else (),
            again=named(as_written, again),
        )
        look = looks(desired, recorded, refresh, at=self.clock.now(), blocks=self.blocks)
        eyes = Eyes(
            clock=self.clock,
            server_of=server_of,
            assets=self.store,
            files=self.files,
            providers=self.providers,
        )
        observed = await observe(look, eyes, every_byte=self.every_byte)
        world = World(
            workspace=workspace,
            desired=shaped(desired, recorded, observed),
            recorded=brought_in(recorded, observed),
            observed=observed,
            providers=self.providers,
            blocks=self.blocks,
        )
        more = looks_again(make_plan(world), world) if refresh != "none" else None
        return (
            world
            if more is None
            else seen_again(world, await observe(more, eyes, every_byte=False))
        )

    async def applied(
        self,
        declared: tuple[Declaration, ...],
        ports: Ports,
        *,
        workspace: str = "default",
        limits: Limits = NO_LIMITS,
        stop: Stop | None = None,
        carried: Callable[[Plan], Plan] = lambda plan: plan,
        destroy: bool = False,
        choice: Choice | None = None,
        again: tuple[str, ...] = (),
        on_event: Callable[[Event], None] = lambda _event: None,
    ) -> Run:
        """Plan and carry out under a lease that is held; `carried` is what of the plan is."""
        began_s = self.clock.elapsed_s
        events: list[Event] = []

        def tell(event: Event) -> None:
            events.append(event)
            on_event(event)

        ports.state.void_reserved()
        recorded = ports.state.read()
        world = await self.look(declared, recorded, ports.server_of, workspace, again=again)
        plan = carried(make_plan(world, destroy=destroy, choice=choice))
        record_observed(
            world.observed,
            world.recorded,
            assets=ports.assets,
            files=ports.files,
            state=ports.state,
        )
        tags = tags_by_recipe({each.address: each for each in declared}, world.desired)
        rebuild_ledger(plan, world.recorded, tags, self.store, ports.state)
        code = await carry_out(
            plan,
            ports.state.read(),
            ports=ports,
            providers=self.providers,
            limits=limits,
            stop=stop or Stop(),
            tell=tell,
        )
        return Run(
            code=code,
            plan=plan,
            events=tuple(events),
            seconds=self.clock.elapsed_s - began_s,
        )


async def stopped_at(stop_at_s: float | None, stop: Stop, run: Coroutine[Any, Any, Run]) -> Run:
    """Ask a run to stop, so many seconds after its begin; None: never."""
    if stop_at_s is None:
        return await run
    timer = asyncio.get_running_loop().call_later(stop_at_s, stop.ask)
    try:
        return await run
    finally:
        timer.cancel()
