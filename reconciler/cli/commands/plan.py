"""`sorafile plan`."""

from pathlib import Path

import click

from reconciler.cli.options import global_options, options, replacing, selecting

EPILOG = """\b
Examples:
  sorafile plan
  sorafile plan --json --detailed-exitcode
  sorafile plan --select tag:launch --exclude 'city*'
  sorafile plan --out friday.plan"""


@click.command("plan", epilog=EPILOG)
@click.option("--detailed-exitcode", is_flag=True, help="Exit with 2 where there are changes.")
@selecting
@replacing
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
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Save the plan too, for `apply FILE`. Makes the state database where there is none: "
    "the plan names the one that it is of.",
)
@global_options(hidden=True)
def command(
    *,
    detailed_exitcode: bool,
    destroy: bool,
    refresh: str,
    verify: bool,
    everything: bool,
    out: Path | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    replace: tuple[str, ...],
) -> int:
    """Say what would change, why, and what it costs. Changes nothing.

    Compares the specs with the state database, the files and the jobs on the server.

    A saved plan is good for one `apply`, and only as long as nothing that it names changes.
    """
    from reconciler.cli.showing_plan import plan_only
    from reconciler.plan.selection import Selection

    if destroy and replace:
        raise click.UsageError("--replace asks for another result, and --destroy for none")
    if (select or exclude or replace) and refresh == "only":
        raise click.UsageError("--refresh=only looks at all jobs: leave out what selects")
    if out is not None and refresh == "only":
        raise click.UsageError("--refresh=only makes no plan that --out could save")
    return plan_only(
        options(),
        refresh=refresh,
        every_byte=verify,
        destroy=destroy,
        everything=everything,
        changes_code=detailed_exitcode,
        file=out,
        selection=Selection.parse(select, exclude),
        again=replace,
    )
