"""`sorafile destroy`."""

import click

from reconciler.cli.options import global_options, options


@click.command(
    "destroy",
    epilog="\b\nExamples:\n  sorafile destroy\n  sorafile destroy --yes",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@global_options(hidden=True)
def command(*, yes: bool) -> int:
    """Delete everything that is recorded: jobs and published files.

    The same as `apply --destroy`. The stored bytes stay, so a later apply of the same specs
    restores the videos and costs nothing. See first with `sorafile plan --destroy`.
    """
    from reconciler.cli.applying import Wanted, apply

    return apply(options(), Wanted(yes=yes, destroy=True))
