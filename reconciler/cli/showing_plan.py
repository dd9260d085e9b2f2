"""The plan command: look, decide, show."""

import asyncio
from typing import cast

from reconciler.apply.remember import record_observed
from reconciler.cli.documents import plan_document
from reconciler.cli.opening import open_project, print_document
from reconciler.cli.options import Options
from reconciler.cli.plan_text import PlanText
from reconciler.cli.planning import Looked, look_and_plan, out_of_reach
from reconciler.cli.units import plural
from reconciler.cli.wiring import Declared, Outside
from reconciler.domain.errors import ExitCode, worst
from reconciler.plan.looks import Refresh


def plan_only(
    said: Options,
    *,
    refresh: str,
    every_byte: bool,
    destroy: bool,
    everything: bool,
    changes_code: bool,
) -> int:
    """Show a plan; with `refresh` "only" record what was seen instead."""
    declared = open_project(said)
    if refresh == "only":
        return asyncio.run(_refresh_only(said, declared))
    looked = asyncio.run(
        _look(said, declared, cast("Refresh", refresh), every_byte=every_byte, destroy=destroy)
    )
    plan = looked.plan
    if said.json:
        print_document(said, plan_document(plan, with_unchanged=everything))
    else:
        next_command = said.command("destroy" if destroy else "apply")
        said.terminal.out.print(
            PlanText(plan=plan, verbose=said.verbose, next_command=next_command)
        )
        if everything and plan.unchanged:
            names = ", ".join(str(address) for address in plan.unchanged)
            said.terminal.out.print(f"Unchanged: {names}")
    codes = out_of_reach(plan)
    if changes_code and plan.has_changes:
        codes.add(ExitCode.CHANGES)
    return worst(codes)


async def _look(
    said: Options, declared: Declared, refresh: Refresh, *, every_byte: bool, destroy: bool
) -> Looked:
    outside = Outside(declared, said.workspace)
    try:
        return await look_and_plan(
            declared,
            outside,
            workspace=said.workspace,
            refresh=refresh,
            every_byte=every_byte,
            destroy=destroy,
        )
    finally:
        await outside.aclose()


async def _refresh_only(said: Options, declared: Declared) -> int:
    outside = Outside(declared, said.workspace)
    try:
        looked = await look_and_plan(declared, outside, workspace=said.workspace, refresh="full")
        if looked.observed.jobs:
            with outside.writer("plan --refresh=only") as state:
                record_observed(looked.observed, state.read(), state)
    finally:
        await outside.aclose()
    seen, blind = looked.observed.jobs, looked.observed.unreachable
    said.terminal.out.print(f"Recorded how {plural(len(seen), 'job')} stand.")
    for provider, why in sorted(blind.items()):
        said.terminal.talk(f"provider {provider} could not be asked: {why}")
    return ExitCode.UNREACHABLE if blind else ExitCode.OK
