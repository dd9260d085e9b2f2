"""`sorafile status`."""

import asyncio

import click

from reconciler.cli import completing
from reconciler.cli.options import global_options, options, selecting


@click.command(
    "status",
    epilog="\b\nExamples:\n  sorafile status\n  sorafile status hero --json\n"
    "  sorafile status --select state:failed",
)
@click.argument("addresses", nargs=-1, metavar="[ADDR]...", shell_complete=completing.addresses)
@selecting
@global_options(hidden=True)
def command(addresses: tuple[str, ...], select: tuple[str, ...], exclude: tuple[str, ...]) -> int:
    """Tell how each video stands: state, progress, expiry, files, cost.

    Asks the server for running jobs only, and writes nothing. Each ADDR and each --select adds
    to what is told.
    """
    from reconciler.cli.opening import open_project, print_document
    from reconciler.cli.planning import look_once
    from reconciler.cli.status_text import StatusText, status_document, unasked_text
    from reconciler.cli.units import expiring, plural
    from reconciler.domain.errors import SorafileError
    from reconciler.plan.part import facts_of
    from reconciler.plan.selection import Selection, choose
    from reconciler.plan.standing import standings

    said = options()
    selection = Selection.parse((*select, *addresses), exclude)
    declared = open_project(said)
    known = {str(address) for address in declared.desired}
    unknown = [name for name in addresses if name not in known]
    if unknown:
        raise SorafileError(
            f"not declared: {', '.join(unknown)}", fix="see what is with: sorafile status"
        )
    looked = asyncio.run(look_once(said, declared))
    about = looked.world.desired.keys() | looked.recorded.videos.keys()
    if selection is not None:
        about &= {*choose(selection, facts_of(looked.world, looked.plan)).chosen}
    chosen = [
        each for each in standings(looked.world, looked.plan) if each.declaration.address in about
    ]
    if said.json:
        print_document(said, status_document(chosen))
        return 0
    out = said.terminal.out
    if chosen:
        out.print(StatusText(standings=chosen, now=looked.observed.at, command=said.command))
    else:
        out.print("No declared video is selected." if selection else "No videos are declared.")
    for provider, why in sorted(looked.plan.unreachable.items()):
        said.terminal.talk(unasked_text(provider, why))
    recorded = about if select or exclude else looked.recorded.videos.keys()
    undeclared = recorded - declared.desired.keys()
    if undeclared:
        gone_at = min(
            (
                action.expires_at
                for action in looked.plan.actions
                if action.address in undeclared and action.expires_at is not None
            ),
            default=None,
        )
        urgent = "" if gone_at is None else f"; one {expiring(gone_at, looked.observed.at)}"
        said.terminal.talk(
            f"{plural(len(undeclared), 'recorded video')} no longer declared{urgent}:"
            " see sorafile plan"
        )
    return 0
