"""The loop of a watch: one thing at a time is handled, whatever happens meanwhile.

Files, keys, the clock, looks and runs put what happened into one queue. A run is never
patched: where something else is to be done by now it is asked to stop, which leaves what was
paid for to the next one, and drops what was not sent.
"""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import Any, Generic, assert_never

from reconciler.apply.stop import Stop
from reconciler.domain.errors import (
    AmbiguousError,
    Diagnostic,
    ExitCode,
    IndistinctError,
    InvalidSpecError,
    LeaseLostError,
    LockedError,
    NotSentError,
    SorafileError,
    UnavailableError,
    UnresolvedError,
)
from reconciler.domain.plan import Plan
from reconciler.domain.ports import Clock
from reconciler.domain.recorded import RunId
from reconciler.domain.world import World
from reconciler.watch.changes import Changes, Snapshot, moved_since, snapshot
from reconciler.watch.deciding import (
    Deed,
    Permission,
    Verdict,
    bringing_in,
    costs,
    decide,
    deed_of,
)
from reconciler.watch.rim import (
    Broken,
    Cause,
    DeclaredT,
    Ending,
    Hesitating,
    Idle,
    LookedT,
    Outcome,
    Planned,
    Reading,
    Rim,
    Spent,
    Trouble,
    Waiting,
)

QUIET_S = 2.0
"""For so long nothing may be saved before what cannot be taken back is begun unasked."""

TICK_S = 15.0
_RETRY_S = 10.0
_RETRY_S_MAX = 120.0
_REACTION_S = 0.5  # who presses a key sooner has not read what it is about
_PASSING = frozenset(
    error.code
    for error in (
        NotSentError,
        UnavailableError,
        LockedError,
        LeaseLostError,
        UnresolvedError,
        IndistinctError,
        AmbiguousError,
    )
)
"""What an action may fail with, and go better a while later."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """Files changed."""

    paths: frozenset[Path]


@dataclass(frozen=True, slots=True)
class Pressed:
    """A person pressed a key."""

    key: str


@dataclass(frozen=True, slots=True)
class EndAsked:
    """Somebody wants the watch to end."""


@dataclass(frozen=True, slots=True)
class _Ticked:
    """Time passed."""


@dataclass(frozen=True, slots=True)
class _Due:
    """What was put off may be begun."""


@dataclass(frozen=True, slots=True)
class _Done:
    """A look or a run came to its end."""

    task: asyncio.Task[Any]


Event = Saved | Pressed | EndAsked | _Ticked | _Due | _Done


_TOLD: frozenset[Cause] = frozenset({"start", "save", "ask"})
"""Somebody waits for a plan, were it the same as before."""


@dataclass(slots=True, kw_only=True)
class _Look(Generic[DeclaredT, LookedT]):
    task: asyncio.Task[LookedT]
    reading: Reading[DeclaredT]
    declared: DeclaredT
    cause: Cause
    paths: frozenset[Path]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen(Generic[DeclaredT, LookedT]):
    reading: Reading[DeclaredT]
    declared: DeclaredT
    looked: LookedT


@dataclass(slots=True, kw_only=True)
class _Run:
    task: asyncio.Task[Outcome]
    part: Plan
    facts: object  # of the reading that it carries out
    approved: frozenset[Deed]
    stop: Stop


class Watch(Generic[DeclaredT, LookedT]):
    """One watch of one project."""

    def __init__(
        self, rim: Rim[DeclaredT, LookedT], *, clock: Clock, permission: Permission
    ) -> None:
        """Do nothing yet."""
        self._rim = rim
        self._clock = clock
        self._permission = permission
        self._events: asyncio.Queue[Event] = asyncio.Queue()
        self._reading: Reading[DeclaredT] | None = None  # the last one
        self._files: Snapshot = {}
        self._look: _Look[DeclaredT, LookedT] | None = None
        self._last: _Seen[DeclaredT, LookedT] | None = None
        self._contradictions: tuple[Diagnostic, ...] = ()  # of the files, to what the state holds
        self._shown: Plan | None = None
        self._told: tuple[object, ...] = ()  # of what waits
        self._asked_at_s = 0.0
        self._run: _Run | None = None
        self._spent_usd: Mapping[RunId, Decimal] = {}  # by each run of this watch
        self._quiet_until_s = 0.0
        self._not_before_s = 0.0  # nothing is tried again by itself
        self._retry_s = _RETRY_S
        self._passing: frozenset[Deed] = frozenset()  # of what rests, what may go better later
        self._done_last: frozenset[object] = frozenset()  # by the last run that was not stopped
        self._alarm: asyncio.TimerHandle | None = None
        self._is_ending = False
        self._code = ExitCode.OK

    def happened(self, event: Saved | Pressed | EndAsked) -> None:
        """Be told of something; it is handled in its turn."""
        self._events.put_nowait(event)

    async def run(self, changes: Changes) -> ExitCode:
        """Watch until somebody ends it; a run under way is left to the next one then."""
        ticker = asyncio.create_task(self._tick())
        try:
            await self._read(changes, cause="start")
            while not (self._is_ending and self._run is None):
                await self._handle(await self._events.get(), changes)
        finally:
            self._put_off()
            self._give_up_look()
            ticker.cancel()
            await asyncio.gather(ticker, return_exceptions=True)
            if self._run is not None:  # the watch broke: the run may be in the middle of paying
                self._run.stop.ask()
                await asyncio.gather(self._run.task, return_exceptions=True)
        return self._code

    async def _tick(self) -> None:
        while True:
            await self._clock.sleep(TICK_S)
            self._events.put_nowait(_Ticked())

    async def _handle(self, event: Event, changes: Changes) -> None:
        match event:
            case Saved(paths=paths):
                await self._read(changes, cause="save", paths=paths | self._saved_meanwhile())
            case Pressed(key="r"):
                await self._read(changes, cause="ask")
            case Pressed(key=key):
                self._pressed(key)
            case EndAsked():
                self._end()
            case _Ticked():
                await self._ticked(changes)
            case _Due():
                self._consider()
            case _Done(task=task):
                self._done(task)
            case _:
                assert_never(event)

    def _saved_meanwhile(self) -> frozenset[Path]:
        """What else was saved and not handled yet: one plan is enough for all of it."""
        waiting = [self._events.get_nowait() for _ in range(self._events.qsize())]
        for event in waiting:
            if not isinstance(event, Saved):
                self._events.put_nowait(event)
        saved = (event.paths for event in waiting if isinstance(event, Saved))
        return frozenset(path for paths in saved for path in paths)

    async def _read(
        self, changes: Changes, *, cause: Cause, paths: frozenset[Path] = frozenset()
    ) -> None:
        """Read the files, and plan anew; where they are broken, what was planned last holds."""
        self._put_off()
        if cause == "save":
            self._quiet_until_s = self._clock.uptime_s() + QUIET_S
        self._not_before_s, self._retry_s = 0.0, _RETRY_S
        self._permission = replace(self._permission, resting=frozenset())
        self._done_last = frozenset()
        try:
            reading = self._rim.read()
            if await changes.listen(reading.places):
                reading = self._rim.read()  # what changed meanwhile, nobody heard of
        except SorafileError as error:
            self._trouble(error)
            return
        self._files = snapshot(reading.places.inputs)
        self._reading = reading
        if reading.declared is None:
            self._give_up_look()
            self._rim.tell(Broken(found=reading.found, paths=paths))
            if self._run is None:
                self._look_back()
        else:
            self._begin_look(cause, paths)

    def _put_off(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _give_up_look(self) -> None:
        if self._look is not None:
            self._look.task.cancel()
            self._look = None

    def _begin_look(self, cause: Cause, paths: frozenset[Path] = frozenset()) -> None:
        reading = self._reading
        if reading is None or reading.declared is None:
            self._look_back()
            return
        if self._look is not None:
            paths |= self._look.paths
            cause = self._look.cause if self._look.cause in _TOLD else cause
            self._give_up_look()
        self._look = _Look(
            task=self._started(self._rim.look(reading.declared)),
            reading=reading,
            declared=reading.declared,
            cause=cause,
            paths=paths,
        )

    def _look_back(self) -> None:
        """Look at what was planned last: what is paid for must not wait for the files' mending."""
        last = self._last
        if last is None or last.reading is self._reading:
            return
        self._give_up_look()
        self._look = _Look(
            task=self._started(self._rim.look(last.declared)),
            reading=last.reading,
            declared=last.declared,
            cause="tick",
            paths=frozenset(),
        )

    def _started(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        task = asyncio.create_task(work)
        task.add_done_callback(lambda done: self._events.put_nowait(_Done(done)))
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        if self._look is not None and task is self._look.task:
            look, self._look = self._look, None
            self._looked(look)
        elif self._run is not None and task is self._run.task:
            run, self._run = self._run, None
            self._ended(run)

    def _looked(self, look: _Look[DeclaredT, LookedT]) -> None:
        try:
            looked = look.task.result()
        except InvalidSpecError as error:  # a block contradicts what the state holds
            if look.reading is self._reading:
                self._contradicted(look, error.diagnostics)
            return
        except SorafileError as error:
            self._trouble(error)
            return
        self._last = seen = _Seen(reading=look.reading, declared=look.declared, looked=looked)
        if look.reading is not self._reading:
            self._bring_in(seen)
            return
        self._contradictions = ()
        plan = looked.plan
        if self._run is None:
            # What is paid for by now needs a new yes, should it ever be wanted again.
            paid = {deed_of(each) for each in plan.actions if costs(each)}
            still = {deed: usd for deed, usd in self._permission.approved.items() if deed in paid}
            self._permission = replace(self._permission, approved=still)
        is_told = look.cause in _TOLD or self._shown is None or not is_alike(plan, self._shown)
        if is_told:
            self._rim.tell(
                Planned(plan=plan, cause=look.cause, paths=look.paths, shown=self._shown)
            )
            self._shown = plan
        self._consider(is_told=is_told)

    def _contradicted(self, look: _Look[DeclaredT, LookedT], found: tuple[Diagnostic, ...]) -> None:
        if look.cause in _TOLD or found != self._contradictions:
            self._rim.tell(Broken(found=found, paths=look.paths))
        self._contradictions = found
        self._look_back()

    def _bring_in(self, seen: _Seen[DeclaredT, LookedT]) -> None:
        """Of what was planned last, do what keeps what was paid for from being lost."""
        permission = self._permission

        def choose(plan: Plan, _: World) -> Plan:
            return bringing_in(plan, permission)

        part = choose(seen.looked.plan, seen.looked.world)
        if self._run is None and not self._is_ending and part.is_to_do:
            if _work(part) == self._done_last:
                self._wait_longer()
            else:
                self._begin(seen, part, choose)

    def _consider(self, *, is_told: bool = False) -> None:
        """Begin what may be begun, and ask for what may not."""
        seen = self._last
        if seen is None or self._look is not None or self._is_broken or self._is_ending:
            return
        verdict = decide(seen.looked.plan, seen.looked.world, self._permission)
        self._ask(seen.looked.plan, verdict, again=is_told)
        if self._run is not None:
            approved = frozenset(self._permission.approved)
            if (self._run.facts, self._run.approved) != (seen.reading.facts, approved):
                self._run.stop.ask()
        elif verdict.part.is_to_do:
            self._begin_in_time(seen, verdict, is_told=is_told)

    def _begin_in_time(
        self, seen: _Seen[DeclaredT, LookedT], verdict: Verdict, *, is_told: bool
    ) -> None:
        """Begin now, or once it is quiet; what was done just now, and is still to do, later."""
        if _work(verdict.part) == self._done_last:
            if self._clock.uptime_s() >= self._not_before_s:
                self._wait_longer()
            return
        wait_s = self._quiet_until_s - self._clock.uptime_s() if verdict.is_hasty else 0.0
        if wait_s <= 0:
            permission = self._permission
            self._begin(
                seen, verdict.part, lambda plan, world: decide(plan, world, permission).part
            )
            return
        if is_told:
            self._rim.tell(Hesitating(verdict=verdict, wait_s=wait_s))
        self._put_off()
        self._alarm = asyncio.get_running_loop().call_later(wait_s, self._events.put_nowait, _Due())

    @property
    def _is_broken(self) -> bool:
        is_unread = self._reading is None or self._reading.declared is None
        return is_unread or bool(self._contradictions)

    def _ask(self, plan: Plan, verdict: Verdict, *, again: bool) -> None:
        """Tell what waits, or that nothing does, unless it was told already."""
        is_over = self._run is None and not verdict.part.is_to_do
        deeds = tuple(map(deed_of, verdict.waiting))
        state = (deeds, verdict.because, is_over)
        if state == self._told and not (again and deeds):
            return
        if (deeds,) != self._told[:1]:
            self._asked_at_s = self._clock.uptime_s()
        self._told = state
        if deeds or is_over:
            self._rim.tell(
                Waiting(
                    plan=plan,
                    verdict=verdict,
                    permission=self._permission,
                    tries_again=bool(self._passing or plan.unreachable),
                )
            )

    def _begin(
        self,
        seen: _Seen[DeclaredT, LookedT],
        part: Plan,
        choose: Callable[[Plan, World], Plan],
    ) -> None:
        permission, stop = self._permission, Stop()
        carrying = self._rim.carry_out(
            seen.declared, seen.looked, choose, max_cost_usd=permission.left_usd, stop=stop
        )
        self._run = _Run(
            task=self._started(carrying),
            part=part,
            facts=seen.reading.facts,
            approved=frozenset(permission.approved),
            stop=stop,
        )

    def _ended(self, run: _Run) -> None:
        try:
            outcome = run.task.result()
        except SorafileError as error:
            self._trouble(error)
            return
        bought = (each.recipe_digest for each in run.part.actions if each.address in outcome.bought)
        self._permission = replace(
            self._permission, bought=self._permission.bought.union(filter(None, bought))
        )
        if outcome.run is not None:
            self._spent_usd = {**self._spent_usd, outcome.run: outcome.spent_usd}
            self._count()
        if outcome.code is not ExitCode.INTERRUPTED:
            self._done_last = _work(run.part)
        self._rest(run.part, outcome)
        if self._is_ending:
            self._code = outcome.code
        else:
            self._begin_look("run")

    def _count(self) -> None:
        """Know again what the watch may still spend.

        What a run said itself holds where the state cannot be read, or is another one by now.
        """
        if self._last is not None:
            with suppress(SorafileError):  # the next look tells what is wrong
                counted = self._rim.counted(self._last.declared, self._spent_usd.keys())
                self._spent_usd = {**self._spent_usd, **counted}
        spent_usd = sum(self._spent_usd.values(), Decimal(0))
        is_news = spent_usd != self._permission.spent_usd
        self._permission = replace(self._permission, spent_usd=spent_usd)
        if is_news and self._permission.max_cost_usd is not None:
            self._rim.tell(Spent(permission=self._permission))

    def _rest(self, part: Plan, outcome: Outcome) -> None:
        """Begin what failed no more by itself, or later where its trouble may pass."""
        failed = [each for each in part.actions if each.address in outcome.failed]
        self._permission = replace(
            self._permission,
            resting=self._permission.resting | frozenset(map(deed_of, failed)),
        )
        self._passing |= {
            deed_of(each) for each in failed if outcome.failed[each.address] in _PASSING
        }
        if self._passing:
            self._wait_longer()

    def _wait_longer(self) -> float:
        """Try nothing again for a while, and return for how many seconds."""
        wait_s = self._retry_s
        self._not_before_s = self._clock.uptime_s() + wait_s
        self._retry_s = min(2 * wait_s, _RETRY_S_MAX)
        return wait_s

    def _trouble(self, error: SorafileError) -> None:
        self._rim.tell(Trouble(error=error, again_in_s=self._wait_longer()))

    async def _ticked(self, changes: Changes) -> None:
        """Look whether anything is to be done that nobody told of."""
        self._rim.tell(Idle(is_running=self._run is not None))
        moved = moved_since(self._files)
        if moved and self._reads_otherwise():
            await self._read(changes, cause="save", paths=moved)
            return
        if moved:
            self._files = snapshot(self._files)
        is_busy = self._run is not None or self._look is not None or self._is_ending
        if is_busy or self._clock.uptime_s() < self._not_before_s:
            return
        self._permission = replace(
            self._permission, resting=self._permission.resting - self._passing
        )
        self._passing = frozenset()
        self._done_last = frozenset()
        self._begin_look("tick")

    def _reads_otherwise(self) -> bool:
        """Whether the files ask for something else than they did."""
        try:
            return self._reading is None or self._rim.read().facts != self._reading.facts
        except SorafileError:
            return True

    def _pressed(self, key: str) -> None:
        match key:
            case "y":
                self._approve()
            case "q":
                self._end()
            case _:
                pass

    def _approve(self) -> None:
        """Take a yes for what was asked last, unless it cannot have been read yet."""
        seen = self._last
        is_read = self._clock.uptime_s() - self._asked_at_s >= _REACTION_S
        is_outdated = self._look is not None and self._look.cause in _TOLD
        if seen is None or is_outdated or self._is_broken or not is_read:
            return
        verdict = decide(seen.looked.plan, seen.looked.world, self._permission)
        if verdict.may_ask:
            providers = seen.looked.world.providers
            self._permission = self._permission.approving(verdict.waiting, providers)
            self._consider()

    def _end(self) -> None:
        self._is_ending = True
        self._give_up_look()
        if self._run is not None:
            self._run.stop.ask()
            self._rim.tell(Ending())


def _work(part: Plan) -> frozenset[object]:
    """What a part is about: told again in another plan, it is the same."""
    spares = ((type(each), each.address, each.provider) for each in part.spares)
    return frozenset((*map(deed_of, part.actions), *spares))


def is_alike(plan: Plan, other: Plan) -> bool:
    """Whether two plans would do the same, for the same money."""
    return _facts(plan) == _facts(other)


def _facts(plan: Plan) -> object:
    actions = [(a.address, a.kind, a.reason, a.recipe_digest, a.cost_usd) for a in plan.actions]
    told = [(each.code, each.summary) for each in plan.diagnostics]
    return actions, len(plan.spares), told, sorted(plan.unreachable), len(plan.unchanged)
