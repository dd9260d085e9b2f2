"""`sorafile show`."""

import asyncio
from pathlib import Path

import click

from reconciler.cli import completing
from reconciler.cli.options import Options, global_options, options

EPILOG = """\b
Examples:
  sorafile show hero
  sorafile show hero --json

\b
A plan file:
  sorafile plan --out friday.plan
  sorafile show friday.plan"""


@click.command("show", epilog=EPILOG)
@click.argument("what", metavar="ADDR|PLANFILE", shell_complete=completing.addresses_or_files)
@global_options(hidden=True)
def command(what: str) -> int:
    """Show one video with its generations and assets, or a saved plan.

    Where a video and a file have the same name, `./NAME` is the file.
    """
    from reconciler.cli.showing_plan import show_saved
    from reconciler.domain.address import Address

    said = options()
    try:
        Address.parse(what)
    except ValueError:  # so it can only be a file
        return show_saved(said, Path(what))
    return _show_video(said, what)


def _show_video(said: Options, address: str) -> int:
    from reconciler.cli.opening import open_project, print_document
    from reconciler.cli.planning import look_once
    from reconciler.cli.showing_plan import show_saved
    from reconciler.cli.video_text import video_document, video_text
    from reconciler.domain.errors import SorafileError
    from reconciler.plan.standing import standings

    declared = open_project(said)
    looked = asyncio.run(look_once(said, declared))
    by_name = {str(s.declaration.address): s for s in standings(looked.world, looked.plan)}
    if address not in by_name and (said.folder / address).is_file():
        return show_saved(said, Path(address))
    if address not in by_name:
        raise SorafileError(f"not declared: {address}", fix="see what is with: sorafile status")
    if said.json:
        print_document(said, video_document(by_name[address]))
    else:
        said.terminal.out.print(video_text(by_name[address], looked.observed.at))
    return 0
