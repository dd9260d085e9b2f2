"""A plan that was saved to be carried out later, and whether it may be carried out now."""

import hashlib
import hmac
import shlex
from dataclasses import dataclass
from pathlib import Path

from reconciler.cli.options import Options, selecting_flags
from reconciler.domain.address import Address
from reconciler.domain.errors import SorafileError, StalePlanError
from reconciler.domain.plan import Plan
from reconciler.domain.ports import StateReader
from reconciler.domain.world import World
from reconciler.plan.looks import Refresh
from reconciler.plan.saved import Difference, differences, named_part

_TOLD = 10  # differences, before the rest is only counted


@dataclass(frozen=True, slots=True, kw_only=True)
class Choices:
    """What was asked for beside the specs: on an equal world they give an equal plan."""

    refresh: Refresh = "auto"
    every_byte: bool = False
    destroy: bool = False
    select: tuple[str, ...] = ()  # as said; which addresses that chose, the plan's part tells
    exclude: tuple[str, ...] = ()
    replace: tuple[str, ...] = ()  # of which another result was asked for, as said


NO_CHOICES = Choices()


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """What a plan file holds."""

    file: Path  # as the user names it
    plan: Plan
    choices: Choices
    database: str  # the fingerprint of the one that it is of
    content: str  # the digest of all that is sealed
    seal: str


def fingerprint(database_id: str) -> str:
    """The name of a database in plan files; its id stays in the state, and seals them."""
    return hashlib.sha256(database_id.encode()).hexdigest()


def seal(content: str, database_id: str) -> str:
    """What only those can write under a content who can read the state database."""
    return hmac.new(database_id.encode(), content.encode(), "sha256").hexdigest()


def still_good(
    saved: SavedPlan, today: Plan, world: World, state: StateReader, said: Options
) -> Plan:
    """The part of today's plan, of that world, that a saved one names: what it said, or less.

    Raises:
        StalePlanError: it is another database's or workspace's, was used already, or
            something that it names has changed.
        SorafileError: it is not as this database made it.
    """
    database_id = world.recorded.database_id
    if database_id is None or saved.database != fingerprint(database_id):
        raise StalePlanError(
            f"{saved.file} was made with another state database than this one; nothing was done",
            fix=_plan_again(saved, said),
        )
    if saved.seal != seal(saved.content, database_id):
        raise SorafileError(
            f"{saved.file} was edited since it was made; nothing was done",
            fix=_plan_again(saved, said),
        )
    if saved.plan.workspace != said.workspace:
        there = f"-w {shlex.quote(saved.plan.workspace)} {apply_command(saved.file)}"
        raise StalePlanError(
            f"{saved.file} was made for the workspace {saved.plan.workspace}, and this is "
            f"{said.workspace}; nothing was done",
            fix=f"apply it there: {said.command(there)}",
        )
    run = state.run_of(saved.plan.plan_id)
    if run is not None:
        raise StalePlanError(
            f"{saved.file} was used already: {run.user} began run {run.id} with it on "
            f"{run.started_at:%Y-%m-%d %H:%M} UTC; nothing was done",
            fix=f"go on with: {said.command('apply')}",
        )
    found = differences(saved.plan, today, world.providers)
    if found:
        raise StalePlanError(
            f"{saved.file} is stale, nothing was done: {_listed(found)}",
            fix=_plan_again(saved, said),
        )
    return named_part(saved.plan, today, world.providers)


def apply_command(file: Path) -> str:
    """What carries out a plan file, but for `sorafile` itself."""
    return f"apply {shlex.quote(str(file))}"


def plan_command(file: Path, choices: Choices = NO_CHOICES) -> str:
    """What writes a plan file, but for `sorafile` itself."""
    destroy = "--destroy " if choices.destroy else ""
    selected = selecting_flags(choices.select, choices.exclude, choices.replace)
    return f"plan {destroy}{selected}--out {shlex.quote(str(file))}"


def _plan_again(saved: SavedPlan, said: Options) -> str:
    return f"plan again: {said.command(plan_command(saved.file, saved.choices))}"


def _listed(found: tuple[Difference, ...]) -> str:
    lines = [f"\n  {_whose(each.address)}: {each.what}" for each in found[:_TOLD]]
    more = len(found) - _TOLD
    return "".join([*lines, f"\n  and {more} more" if more > 0 else ""])


def _whose(address: Address | None) -> str:
    return "all of it" if address is None else str(address)
