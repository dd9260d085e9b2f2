"""Carrying out a plan under the lease."""

from collections.abc import Callable

from reconciler.apply.journey import Limits, Ports
from reconciler.apply.remember import rebuild_ledger, record_observed
from reconciler.apply.run import carry_out
from reconciler.apply.stop import Stop
from reconciler.cli.planning import Looked, recounted
from reconciler.cli.provenance import git_commit
from reconciler.cli.wiring import Declared, Outside
from reconciler.domain.desired import tags_by_recipe
from reconciler.domain.errors import ExitCode
from reconciler.domain.events import Event
from reconciler.domain.plan import Plan
from reconciler.domain.ports import StateWriter
from reconciler.domain.recorded import RecordedState
from reconciler.domain.world import World


def take_in(
    plan: Plan,
    looked: Looked,
    recorded: RecordedState,
    *,
    declared: Declared,
    outside: Outside,
    state: StateWriter,
) -> World:
    """Record what was seen for a plan, and return the world as the state has it by now."""
    record_observed(
        looked.observed,
        recorded,
        assets=outside.assets,
        files=outside.files,
        state=state,
    )
    tags = tags_by_recipe(declared.desired, looked.world.desired)
    rebuild_ledger(plan, recorded, tags, outside.assets, state)
    return recounted(looked.world, recorded, state)


async def carry(
    plan: Plan,
    *,
    declared: Declared,
    outside: Outside,
    state: StateWriter,
    limits: Limits,
    stop: Stop,
    tell: Callable[[Event], None],
) -> ExitCode:
    """Do what a plan says, or less; it was made from what `state` says, and still holds."""
    return await carry_out(
        plan,
        state.read(),
        ports=Ports(
            clock=outside.clock,
            server_of=outside.server_of,
            state=state,
            assets=outside.assets,
            files=outside.files,
            images=outside.images,
        ),
        providers=declared.providers,
        limits=limits,
        stop=stop,
        tell=tell,
        git_commit=git_commit(declared.root),
    )
