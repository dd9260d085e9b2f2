"""The apply command: plan, show, ask, do."""

import asyncio
import gc
import sys
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path
from typing import cast

from reconciler.apply.journey import Limits
from reconciler.apply.stop import Stop
from reconciler.cli.asking import answer
from reconciler.cli.carrying import carry, take_in
from reconciler.cli.guarding import confirm_deletions, refuse_over_budget
from reconciler.cli.interrupting import interruptible
from reconciler.cli.opening import mistakes_told, open_outside, open_project
from reconciler.cli.options import Options, selecting_flags
from reconciler.cli.plan_file import read_plan_file
from reconciler.cli.plan_text import PlanText
from reconciler.cli.planning import (
    Looked,
    look_and_plan,
    needs_server,
    out_of_reach,
    replan,
)
from reconciler.cli.resolving import ask_about_all
from reconciler.cli.saved_plan import SavedPlan, apply_command, still_good
from reconciler.cli.units import plural
from reconciler.cli.views import JsonView, LineView, LiveView, View
from reconciler.cli.wiring import Declared, Outside
from reconciler.domain.errors import ExitCode, RefusedError, StalePlanError, worst
from reconciler.domain.events import PlanMade, RunEnded
from reconciler.domain.money import dollars
from reconciler.domain.observed import brought_in
from reconciler.domain.plan import Choice, Plan, Reason
from reconciler.plan.looks import Refresh
from reconciler.plan.make import free_part
from reconciler.plan.selection import NO_SELECTION, Selection


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What the user said for this apply."""

    yes: bool = False
    free: bool = False
    destroy: bool = False
    refresh: str = "auto"
    every_byte: bool = False
    parallelism: int | None = None
    wait: bool = True
    timeout_s: float | None = None
    max_cost_usd: Decimal | None = None
    allow_mass_change: bool = False
    allow_empty: bool = False
    selection: Selection | None = None  # None: all
    again: tuple[str, ...] = ()  # of which another result is asked for, as said
    saved: SavedPlan | None = None  # what it names is done, and nothing else

    @property
    def command(self) -> str:
        """What says the same again, but for `sorafile` itself."""
        if self.saved is not None:
            return apply_command(self.saved.file)
        selection = self.selection or NO_SELECTION
        flags = selecting_flags(
            map(str, selection.select),
            map(str, selection.exclude),
            self.again,
        )
        return f"{'destroy' if self.destroy else 'apply'} {flags}".rstrip()


def apply(said: Options, wanted: Wanted) -> int:
    """Plan, show, ask and do; return the exit code."""
    return _applied(said, open_project(said), wanted)


def apply_saved(said: Options, wanted: Wanted, file: Path) -> int:
    """Show what a plan file names, ask and do it, or less; return the exit code."""
    declared = open_project(said)
    saved = read_plan_file(file, said)
    wanted = replace(
        wanted,
        saved=saved,
        destroy=saved.choices.destroy,
        refresh=saved.choices.refresh,
        every_byte=saved.choices.every_byte,
        again=saved.choices.replace,
    )
    return _applied(said, declared, wanted)


def _applied(said: Options, declared: Declared, wanted: Wanted) -> int:
    code = asyncio.run(_apply(said, declared, wanted))
    if code == ExitCode.UNRESOLVED and said.may_ask:
        ask_about_all(said, declared)
    return code


async def _apply(said: Options, declared: Declared, wanted: Wanted) -> int:
    outside = open_outside(said, declared)
    try:
        with mistakes_told(said):
            looked = await look_and_plan(
                declared,
                outside,
                workspace=said.workspace,
                refresh=cast("Refresh", wanted.refresh),
                every_byte=wanted.every_byte,
                destroy=wanted.destroy,
                max_cost_usd=wanted.max_cost_usd,
                selection=wanted.selection,
                choice=_chosen_before(wanted.saved),
                again=wanted.again,
            )
        if wanted.saved is not None:
            looked = _named_by(wanted.saved, looked, outside, said)
        plan = free_part(looked.plan) if wanted.free else looked.plan
        if not said.json:
            said.terminal.out.print(PlanText(plan=looked.plan, verbose=said.verbose))
        _refuse_protected(said, plan, wanted)
        refuse_over_budget(said, plan, looked.world, command=wanted.command)
        if not plan.is_to_do:
            return _nothing_to_do(said, outside, looked, plan)
        needed = {action.provider for action in plan.actions if needs_server(action)}
        needed |= {spare.provider for spare in plan.spares}
        for name in sorted(needed & declared.providers.keys()):
            outside.server_of(name)  # asks about what is not trusted, or refuses it
        if not wanted.destroy:
            confirm_deletions(
                said,
                plan,
                looked.world,
                command=wanted.command,
                specs=declared.project.specs,
                allow_mass_change=wanted.allow_mass_change,
                allow_empty=wanted.allow_empty,
            )
        _consent(said, wanted, plan)
        return await _carry_out(said, declared, wanted, outside, looked)
    finally:
        await outside.aclose()


def _chosen_before(saved: SavedPlan | None) -> Choice | None:
    """What a saved plan was about, whatever its expressions would choose by now."""
    return None if saved is None or saved.plan.part is None else saved.plan.part.choice


def _named_by(saved: SavedPlan, looked: Looked, outside: Outside, said: Options) -> Looked:
    """What was seen, with the part of its plan that a saved one names."""
    plan = still_good(saved, looked.plan, looked.world, outside.reader(), said)
    others = len(looked.plan.actions) - len(plan.actions)
    if others:
        more = plural(others, "other video")
        said.terminal.talk(f"Not in {saved.file}, so left as it is: {more} of today's plan.")
    return replace(looked, plan=plan)


def _nothing_to_do(said: Options, outside: Outside, looked: Looked, plan: Plan) -> int:
    attempts = looked.recorded.attempts
    codes = out_of_reach(plan)
    if any(each.state.is_unresolved and looked.plan.concerns(each) for each in attempts):
        codes.add(ExitCode.UNRESOLVED)
    code = worst(codes)
    if said.json:
        view = JsonView(terminal=said.terminal, now=outside.clock.now)
        view.tell(PlanMade(plan=plan, run_id=None))
        view.tell(
            RunEnded(completed=0, failed=0, skipped=0, left=0, cost_usd=Decimal(0), exit_code=code)
        )
    return code


def _refuse_protected(said: Options, plan: Plan, wanted: Wanted) -> None:
    """One protected video that would be replaced or deleted holds up the whole apply."""
    names = [str(a.address) for a in plan.actions if a.reason is Reason.PROTECTED]
    if names and not wanted.free:
        without = said.command(f"{wanted.command} {selecting_flags((), names).rstrip()}")
        other = f"leave it out: {without}" if wanted.saved is None else "plan without it"
        raise RefusedError(
            f"protected: {', '.join(names)}; nothing was done",
            fix=f"set protect = false for what may go, or {other}",
        )


def _consent(said: Options, wanted: Wanted, plan: Plan) -> None:
    """Ask, where the answer was not given with the command.

    Raises:
        RefusedError: nobody can be asked, or the answer is no.
    """
    if wanted.yes:
        return
    worst_case = f"at most ${dollars(plan.cost.worst_case_usd)}"
    if plan.cost.unknown:
        worst_case += " and what has no known price"
    if said.json or not said.may_ask:
        again = said.command(wanted.command)
        raise RefusedError(
            f"this changes things, for {worst_case}, and there is nobody to ask",
            fix=f"say yes beforehand: {again} --yes",
        )
    typed = answer(said, f"\nDo this, for {worst_case}? Only 'yes' is taken: ")
    if typed.lower() != "yes":
        raise RefusedError("not confirmed; nothing was done")


async def _carry_out(
    said: Options, declared: Declared, wanted: Wanted, outside: Outside, looked: Looked
) -> int:
    command = "destroy" if wanted.destroy else "apply"
    gc.enable()
    with outside.writer(command) as state:
        state.void_reserved()
        recorded = state.read()
        plan = replan(looked, recorded, destroy=wanted.destroy)
        if wanted.saved is not None:
            world = replace(looked.world, recorded=brought_in(recorded, looked.observed))
            plan = still_good(wanted.saved, plan, world, state, said)
        elif (plan.actions, plan.spares) != (looked.plan.actions, looked.plan.spares):
            raise StalePlanError(
                "the state changed while you looked at the plan; nothing was done",
                fix=f"look again: {said.command(wanted.command)}",
            )
        if wanted.free:
            plan = free_part(plan)
        world = take_in(plan, looked, recorded, declared=declared, outside=outside, state=state)
        refuse_over_budget(said, plan, world, command=wanted.command)
        stop = Stop()
        view = _view(said, outside)
        try:
            with _stopping(stop, view):
                return await carry(
                    plan,
                    declared=declared,
                    outside=outside,
                    state=state,
                    limits=Limits(
                        parallelism=wanted.parallelism,
                        wait=wanted.wait,
                        timeout_s=wanted.timeout_s,
                        budget=looked.world.budget,
                    ),
                    stop=stop,
                    tell=view.tell,
                )
        finally:
            view.close()


def _view(said: Options, outside: Outside) -> View:
    if said.json:
        return JsonView(terminal=said.terminal, now=outside.clock.now)
    if said.terminal.can_redraw and not said.terminal.quiet:
        return LiveView(said.terminal, outside.clock.now)
    return LineView(terminal=said.terminal, now=outside.clock.now)


def _stopping(stop: Stop, view: View) -> AbstractContextManager[None]:
    """Ctrl-C begins nothing more; again, it ends the process."""

    def kindly() -> None:
        stop.ask()
        view.say("Stopping: nothing more is begun. Ctrl-C again stops at once.")

    def at_once() -> None:
        view.close()
        sys.stderr.write("Stopped at once. Nothing is lost; go on with: sorafile apply\n")
        sys.stderr.flush()

    return interruptible(kindly=kindly, at_once=at_once)
