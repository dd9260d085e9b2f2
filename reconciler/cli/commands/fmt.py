"""`sorafile fmt`."""

from pathlib import Path

import click

from reconciler.cli.options import global_options, options

EPILOG = """\b
Examples:
  sorafile fmt
  sorafile fmt --diff specs"""


@click.command("fmt", epilog=EPILOG)
@click.argument("paths", metavar="[PATH]...", nargs=-1, type=click.Path(path_type=Path))
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where something would change.")
@click.option("--diff", is_flag=True, help="As --check, and show what would change.")
@global_options(hidden=True)
def command(paths: tuple[Path, ...], *, check: bool, diff: bool) -> int:
    """Space the project's TOML in one way; values, comments and order stay.

    Without a PATH it is sorafile.toml and every spec file of the project.
    """
    from reconciler.cli.formatting import format_files

    return format_files(options(), paths, writes=not (check or diff), shows=diff)
