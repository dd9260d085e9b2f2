"""From files, state and servers to a plan."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType

from reconciler.apply.observe import Eyes, observe
from reconciler.cli.opening import mistakes_told, open_outside
from reconciler.cli.options import Options
from reconciler.cli.wiring import Declared, Outside
from reconciler.domain.bookings import Booking, counted, still_to_book
from reconciler.domain.budget import begin_of
from reconciler.domain.desired import Desired, tags_by_recipe
from reconciler.domain.errors import ExitCode, InvalidSpecError
from reconciler.domain.observed import Observed, ObservedJob, brought_in
from reconciler.domain.plan import (
    Action,
    Await,
    Buy,
    Choice,
    DeleteJob,
    Fetch,
    Plan,
    Reason,
    Resolve,
    Retire,
)
from reconciler.domain.ports import StateReader
from reconciler.domain.recorded import RecordedState
from reconciler.domain.world import World
from reconciler.plan.blocks import conflicts
from reconciler.plan.external import shaped
from reconciler.plan.looks import Refresh, looks, looks_again, seen_again
from reconciler.plan.make import make_plan
from reconciler.plan.part import facts_of
from reconciler.plan.recipes import as_wanted, named
from reconciler.plan.selection import Selection, choose


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """A plan with what it was made from."""

    plan: Plan
    world: World
    choice: Choice | None = None  # None: all of it

    @property
    def recorded(self) -> RecordedState:
        """What the state said."""
        return self.world.recorded

    @property
    def observed(self) -> Observed:
        """What was seen."""
        return self.world.observed


async def look_and_plan(
    declared: Declared,
    outside: Outside,
    *,
    workspace: str,
    refresh: Refresh = "auto",
    every_byte: bool = False,
    destroy: bool = False,
    max_cost_usd: Decimal | None = None,
    selection: Selection | None = None,
    choice: Choice | None = None,
    again: Iterable[str] = (),
    seen: Mapping[tuple[str, str], ObservedJob] = MappingProxyType({}),
) -> Looked:
    """Read the state, look at what can have changed, and decide. Writes nothing.

    With `max_cost_usd` the budget allows one run no more than that. A `selection` is asked of
    the whole plan, as if nothing were to be destroyed; a `choice` is one made before. Of the
    videos that are named by `again` another result is asked for. What was `seen` of jobs just
    now, by provider and remote id, is not asked for again.

    Raises:
        SelectionError: the selection, or `again`, names what there is not.
        InvalidSpecError: a block contradicts what the state holds.
    """
    recorded = outside.reader().read()
    wanted = wanted_of(declared, outside, recorded, workspace=workspace, again=again)
    desired = wanted
    if destroy and selection is None:
        desired = {}
    eyes = Eyes(
        clock=outside.clock,
        server_of=outside.server_of,
        assets=outside.assets,
        files=outside.files,
        providers=declared.providers,
    )
    blocks = declared.blocks
    chosen = looks(desired, recorded, refresh, at=outside.clock.now(), blocks=blocks)
    asked_already = {each: seen[each] for each in chosen.named if each in seen}
    unseen = tuple(each for each in chosen.named if each not in asked_already)
    observed = await observe(replace(chosen, named=unseen), eyes, every_byte=every_byte)
    observed = replace(observed, named={**observed.named, **asked_already})
    budget = replace(declared.project.budget, max_cost_usd=max_cost_usd)
    begin = begin_of("month", observed.at)
    booked = bookings(declared, wanted, outside, recorded, since=begin) if budget.looks_back else ()
    world = World(
        workspace=workspace,
        desired=shaped(desired, recorded, observed),
        recorded=brought_in(recorded, observed),
        observed=observed,
        providers=declared.providers,
        blocks=blocks,
        budget=budget,
        counted=counted(booked, observed.at),
    )
    if refresh != "none":
        world = await _with_what_stands_in_for_the_lost(world, eyes)
    mistakes = conflicts(world)
    if mistakes:
        raise InvalidSpecError(mistakes)
    if selection is not None:
        choice = choose(selection, facts_of(world, make_plan(world)))
    if destroy:
        world = replace(world, desired={})
    plan = make_plan(world, destroy=destroy, choice=choice)
    return Looked(plan=plan, world=world, choice=choice)


async def _with_what_stands_in_for_the_lost(world: World, eyes: Eyes) -> World:
    """Look once more where only the first look told that something is to be made anew."""
    is_exclusive = any(each.account_use == "exclusive" for each in world.providers.values())
    if not is_exclusive and all(each.external_parent is None for each in world.desired.values()):
        return world
    more = looks_again(make_plan(world), world)
    if more is None:
        return world
    return seen_again(world, await observe(more, eyes, every_byte=False))


def wanted_of(
    declared: Declared,
    outside: Outside,
    recorded: RecordedState,
    *,
    workspace: str,
    again: Iterable[str] = (),
) -> Desired:
    """The declared videos, each with the recipe that is wanted of it, as the state tells.

    Raises:
        SelectionError: `again` names what there is not.
    """
    return as_wanted(
        declared.desired,
        recorded,
        workspace=workspace,
        blocks=declared.blocks,
        sidecars=outside.assets.every_sidecar() if recorded.is_new else (),
        again=named(declared.desired, again),
    )


def bookings(
    declared: Declared,
    wanted: Desired,
    outside: Outside,
    recorded: RecordedState,
    *,
    since: datetime | None = None,
) -> tuple[Booking, ...]:
    """The ledger as the next apply would find it.

    A database that no run has used yet is told by the asset store what was spent before, under
    the tags of what is declared and of what is `wanted` of it.
    """
    booked = outside.reader().bookings(since)
    if not recorded.is_new:
        return booked
    tags = tags_by_recipe(declared.desired, wanted)
    told = still_to_book(outside.assets.every_sidecar(), recorded.generations.values(), tags)
    return (*booked, *(each for each in told if since is None or each.at >= since))


def recounted(world: World, recorded: RecordedState, state: StateReader) -> World:
    """The same look with what the state says by now of its videos and of its money."""
    now = world.observed.at
    booked = state.bookings(begin_of("month", now)) if world.budget.looks_back else ()
    return replace(world, recorded=recorded, counted=counted(booked, now))


def replan(looked: Looked, recorded: RecordedState, *, destroy: bool) -> Plan:
    """The plan that the same look gives on what the state says by now."""
    world = replace(looked.world, recorded=brought_in(recorded, looked.observed))
    return make_plan(world, destroy=destroy, choice=looked.choice)


def out_of_reach(plan: Plan) -> set[ExitCode]:
    """UNREACHABLE, where an action needs a server that could not be asked."""
    needed = {
        action.provider
        for action in plan.actions
        if needs_server(action) or action.reason in _UNSEEN
    }
    return {ExitCode.UNREACHABLE} if needed & plan.unreachable.keys() else set()


_UNSEEN = (Reason.NOT_IMPORTABLE, Reason.PARENT_UNKNOWN)
_ASKS = Buy | Resolve | Await | Fetch | Retire | DeleteJob


def needs_server(action: Action) -> bool:
    """Whether an action may send a request."""
    return any(isinstance(step, _ASKS) for step in action.steps)


async def look_once(said: Options, declared: Declared) -> Looked:
    """Look and plan with the usual care, and let go of the world outside again."""
    outside = open_outside(said, declared)
    try:
        with mistakes_told(said):
            return await look_and_plan(declared, outside, workspace=said.workspace)
    finally:
        await outside.aclose()
