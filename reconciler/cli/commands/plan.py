"""`sorafile plan`."""

import click

from reconciler.cli.options import global_options, options

EPILOG = """\b
Examples:
  sorafile plan
  sorafile plan --json --detailed-exitcode"""


@click.command("plan", epilog=EPILOG)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there are changes.")
@click.option("--destroy", is_flag=True, help="Plan to delete all that is recorded.")
@click.option(
    "--refresh",
    type=click.Choice(["auto", "full", "none", "only"]),
    default="auto",
    show_default=True,
    help="Which jobs to ask the server for: what can have changed, all, or none; "
    "'only' records what was seen, and plans nothing.",
)
@click.option("--verify", is_flag=True, help="Read and hash every file.")
@click.option("--all", "everything", is_flag=True, help="List unchanged videos too.")
@global_options(hidden=True)
def command(
    *, detailed_exitcode: bool, destroy: bool, refresh: str, verify: bool, everything: bool
) -> int:
    """Say what would change, why, and what it costs. Changes nothing.

    Compares the specs with the state database, the files and the jobs on the server.
    """
    from reconciler.cli.showing_plan import plan_only

    return plan_only(
        options(),
        refresh=refresh,
        every_byte=verify,
        destroy=destroy,
        everything=everything,
        changes_code=detailed_exitcode,
    )
