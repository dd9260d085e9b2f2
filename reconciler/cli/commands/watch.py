"""`sorafile watch`."""

from decimal import Decimal

import click

from reconciler.cli.commands.apply import Dollars
from reconciler.cli.options import global_options, options, selecting

EPILOG = """\b
Examples:
  sorafile watch
  sorafile watch --yes --max-cost 5
  sorafile watch --select 'hero*'

What costs waits for the key y, unless -y and --max-cost say how much the whole watch may spend.
Deletions, and what -y buys, begin once nothing was saved for 2 s. A file that cannot be read
leaves the last good plan as it was. Of a long plan the first actions are shown; -v shows all.
q or Ctrl-C ends the watch, and leaves running jobs to the
next run; nothing is lost."""


@click.command("watch", epilog=EPILOG)
@click.option("-y", "--yes", is_flag=True, help="Buy without asking, within --max-cost.")
@click.option(
    "--max-cost", type=Dollars(), metavar="USD", help="Spend at most so much in the whole watch."
)
@selecting
@click.option(
    "--parallelism",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most N jobs a provider, and N downloads, at once.",
)
@global_options(hidden=True)
def command(
    *,
    yes: bool,
    max_cost: Decimal | None,
    parallelism: int | None,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
) -> int:
    """Plan on every save, and do what costs nothing at once.

    Listens to the specs, the project file, prompt files and reference images.
    """
    from reconciler.cli.watching import Allowed, watch
    from reconciler.plan.selection import Selection

    allowed = Allowed(
        yes=yes,
        max_cost_usd=max_cost,
        parallelism=parallelism,
        selection=Selection.parse(select, exclude),
    )
    return watch(options(), allowed)
