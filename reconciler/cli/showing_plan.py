"""The plan command: look, decide, show, and save."""

import asyncio
from pathlib import Path
from typing import cast

from reconciler.apply.remember import record_observed
from reconciler.cli.documents import plan_document
from reconciler.cli.opening import mistakes_told, open_outside, open_project, print_document
from reconciler.cli.options import Options, selecting_flags
from reconciler.cli.plan_file import read_plan_file, refuse_foreign, write_plan_file
from reconciler.cli.plan_text import PlanText
from reconciler.cli.planning import Looked, look_and_plan, out_of_reach, replan
from reconciler.cli.saved_plan import Choices, apply_command
from reconciler.cli.units import plural
from reconciler.cli.wiring import Declared
from reconciler.domain.errors import ExitCode, worst
from reconciler.domain.plan import Plan
from reconciler.plan.looks import Refresh
from reconciler.plan.selection import NO_SELECTION, Selection


def plan_only(
    said: Options,
    *,
    refresh: str,
    every_byte: bool,
    destroy: bool,
    everything: bool,
    changes_code: bool,
    file: Path | None,
    selection: Selection | None = None,
    again: tuple[str, ...] = (),
) -> int:
    """Show a plan, and save it where a file is named; "only" a refresh records what is seen."""
    declared = open_project(said)
    if refresh == "only":
        return asyncio.run(_refresh_only(said, declared))
    chosen = selection or NO_SELECTION
    choices = Choices(
        refresh=cast("Refresh", refresh),
        every_byte=every_byte,
        destroy=destroy,
        select=tuple(map(str, chosen.select)),
        exclude=tuple(map(str, chosen.exclude)),
        replace=again,
    )
    flags = selecting_flags(choices.select, choices.exclude, choices.replace)
    next_command = f"{'destroy' if destroy else 'apply'} {flags}".rstrip()
    if file is None:
        plan = asyncio.run(_look(said, declared, choices, selection)).plan
    else:
        refuse_foreign(file, said)
        looked = asyncio.run(_look(said, declared, choices, selection))
        plan = _save(said, declared, looked, choices, file)
        next_command = apply_command(file)
    _show(said, plan, next_command, everything=everything)
    if file is not None:
        said.terminal.talk(f"The plan is saved in {file}.")
    codes = out_of_reach(plan)
    if changes_code and plan.has_changes:
        codes.add(ExitCode.CHANGES)
    return worst(codes)


def show_saved(said: Options, file: Path) -> int:
    """Show what a plan file holds, as it was shown when it was made."""
    saved = read_plan_file(file, said)
    _show(said, saved.plan, apply_command(file), everything=False)
    return ExitCode.OK


def _show(said: Options, plan: Plan, next_command: str, *, everything: bool) -> None:
    if said.json:
        print_document(said, plan_document(plan, with_unchanged=everything))
        return
    said.terminal.out.print(
        PlanText(plan=plan, verbose=said.verbose, next_command=said.command(next_command))
    )
    if everything and plan.unchanged:
        names = ", ".join(str(address) for address in plan.unchanged)
        said.terminal.out.print(f"Unchanged: {names}")


def _save(said: Options, declared: Declared, looked: Looked, choices: Choices, file: Path) -> Plan:
    """Write the plan to a file, with the database that it is of; return it as written there.

    Where there is no database yet, one is made: a plan of none could be carried out again
    each time that the state is lost.
    """
    recorded = looked.recorded
    if recorded.database_id is None:
        with open_outside(said, declared).writer("plan --out") as state:
            recorded = state.read()
    plan = replan(looked, recorded, destroy=choices.destroy)
    database_id = cast("str", recorded.database_id)
    write_plan_file(file, plan, choices, database_id=database_id, said=said)
    return plan


async def _look(
    said: Options, declared: Declared, choices: Choices, selection: Selection | None
) -> Looked:
    outside = open_outside(said, declared)
    try:
        with mistakes_told(said):
            return await look_and_plan(
                declared,
                outside,
                workspace=said.workspace,
                refresh=choices.refresh,
                every_byte=choices.every_byte,
                destroy=choices.destroy,
                selection=selection,
                again=choices.replace,
            )
    finally:
        await outside.aclose()


async def _refresh_only(said: Options, declared: Declared) -> int:
    outside = open_outside(said, declared)
    try:
        with mistakes_told(said):
            looked = await look_and_plan(
                declared, outside, workspace=said.workspace, refresh="full"
            )
        if looked.observed.jobs:
            with outside.writer("plan --refresh=only") as state:
                state.void_reserved()  # it is known only now whether who left it is dead
                record_observed(
                    looked.observed,
                    state.read(),
                    assets=outside.assets,
                    files=outside.files,
                    state=state,
                )
    finally:
        await outside.aclose()
    seen, blind = looked.observed.jobs, looked.observed.unreachable
    said.terminal.out.print(f"Recorded how {plural(len(seen), 'job')} stand.")
    for provider, why in sorted(blind.items()):
        said.terminal.talk(f"provider {provider} could not be asked: {why}")
    return ExitCode.UNREACHABLE if blind else ExitCode.OK
