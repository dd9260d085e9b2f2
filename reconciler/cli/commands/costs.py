"""`sorafile costs`."""

from typing import cast

import click

from reconciler.cli.options import global_options, options


@click.command(
    "costs",
    epilog="\b\nExamples:\n  sorafile costs\n  sorafile costs --by month\n"
    "  sorafile costs --by tag --json",
)
@click.option(
    "--by",
    type=click.Choice(["video", "tag", "model", "month"]),
    default="video",
    show_default=True,
    help="What a row stands for.",
)
@global_options(hidden=True)
def command(by: str) -> int:
    """Tell what was spent, what is held, and what was wasted, against the budget.

    Money is held for a request whose outcome is unknown. It is wasted where nothing came of
    it: wasted is part of spent. Days and months are UTC; all workspaces of the state database
    count together.
    """
    from reconciler.cli.costs_text import Costs, costs_document, costs_text
    from reconciler.cli.opening import open_outside, open_project, print_document
    from reconciler.cli.planning import bookings, wanted_of
    from reconciler.domain.bookings import GroupedBy, counted

    said = options()
    declared = open_project(said)
    outside = open_outside(said, declared)
    recorded = outside.reader().read()
    wanted = wanted_of(declared, outside, recorded, workspace=said.workspace)
    booked = bookings(declared, wanted, outside, recorded)
    costs = Costs(
        by=cast("GroupedBy", by),
        bookings=booked,
        budget=declared.project.budget,
        counted=counted(booked, outside.clock.now()),
    )
    if said.json:
        print_document(said, costs_document(costs))
    else:
        said.terminal.out.print(costs_text(costs))
    return 0
