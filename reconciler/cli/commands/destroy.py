"""`sorafile destroy`."""

import click

from reconciler.cli.options import global_options, options, selecting


@click.command(
    "destroy",
    epilog="\b\nExamples:\n  sorafile destroy\n  sorafile destroy --yes --select 'city*'",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@selecting
@global_options(hidden=True)
def command(*, yes: bool, select: tuple[str, ...], exclude: tuple[str, ...]) -> int:
    """Delete everything that is recorded, or what is selected: jobs and published files.

    The same as `apply --destroy`. The stored bytes stay, so a later apply of the same specs
    restores the videos and costs nothing. See first with `sorafile plan --destroy`.
    """
    from reconciler.cli.applying import Wanted, apply
    from reconciler.plan.selection import Selection

    selection = Selection.parse(select, exclude)
    return apply(options(), Wanted(yes=yes, destroy=True, selection=selection))
