"""`sorafile version`."""

import click

from reconciler import __version__
from reconciler.cli.options import global_options, options


@click.command(
    "version",
    epilog="\b\nExamples:\n  sorafile version\n  sorafile version --json",
)
@global_options(hidden=True)
def command() -> int:
    """Print the version of sorafile."""
    said = options()
    if said.json:
        # Not by `opening`, which reads projects and loads what that takes.
        document = {"format_version": "1.0", "sorafile_version": __version__}
        said.terminal.write_json(document, indent=2)
    else:
        said.terminal.out.print(f"sorafile {__version__}")
    return 0
