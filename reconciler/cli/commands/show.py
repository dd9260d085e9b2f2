"""`sorafile show`."""

import asyncio

import click

from reconciler.cli.options import global_options, options


@click.command(
    "show",
    epilog="\b\nExamples:\n  sorafile show hero\n  sorafile show hero --json",
)
@click.argument("address", metavar="ADDR")
@global_options(hidden=True)
def command(address: str) -> int:
    """Show one video, with its generations and assets."""
    from reconciler.cli.opening import open_project, print_document
    from reconciler.cli.planning import look_once
    from reconciler.cli.video_text import video_document, video_text
    from reconciler.domain.errors import SorafileError
    from reconciler.plan.standing import standings

    said = options()
    declared = open_project(said)
    looked = asyncio.run(look_once(said, declared))
    by_name = {str(s.declaration.address): s for s in standings(looked.world, looked.plan)}
    if address not in by_name:
        raise SorafileError(f"not declared: {address}", fix="see what is with: sorafile status")
    if said.json:
        print_document(said, video_document(by_name[address]))
    else:
        said.terminal.out.print(video_text(by_name[address], looked.observed.at))
    return 0
