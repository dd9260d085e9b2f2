"""`sorafile import`."""

import click

from reconciler.cli import completing
from reconciler.cli.options import global_options, options

EPILOG = """\b
Examples:
  sorafile import teaser video_68d7512d
  sorafile import encore video_7b1e9f04 --write specs/ads.toml
  sorafile import --all
  sorafile import --all --write --yes"""


@click.command("import", epilog=EPILOG)
@click.argument("address", metavar="[ADDR", required=False, shell_complete=completing.addresses)
@click.argument("job", metavar="ID]", required=False)
@click.option("--all", "all_jobs", is_flag=True, help="Every job that nobody here has.")
@click.option(
    "--write",
    "file",
    metavar="[FILE]",
    is_flag=False,
    flag_value="",
    default=None,
    help="Declare it in this spec file; without FILE in the only one, or in imported.toml.",
)
@click.option(
    "--provider",
    metavar="NAME",
    help="Whose job to declare; the project's provider by default, and all with --all.",
)
@click.option(
    "-y",
    "--yes",
    is_flag=True,
    help="Do not ask; take a job that differs from the declaration.",
)
@global_options(hidden=True)
def command(
    *,
    address: str | None,
    job: str | None,
    all_jobs: bool,
    file: str | None,
    provider: str | None,
    yes: bool,
) -> int:
    """Take a job that the server has already as the video of a declaration.

    With --write the declaration need not be there: it is written from what the server tells,
    with an [[import]] block, at the end of a spec file. With --all that is done for every job
    that is not recorded; without --write it is only shown.

    Nothing is paid. The next apply downloads and publishes it. The job itself is never deleted
    by sorafile: it may be another's.
    """
    if all_jobs:
        if address is not None:
            raise click.UsageError("--all takes no ADDR; a FILE goes right behind --write")
        from reconciler.cli.drafting import show_imports, write_imports

        if file is None:
            return show_imports(options(), provider)
        return write_imports(options(), provider, file, yes=yes)
    if address is None or job is None:
        missing = "ADDR and ID" if address is None else "ID"
        hint = "; --write goes last, or right before a FILE" if file is not None else ""
        raise click.UsageError(f"Missing {missing}, or --all{hint}")
    if file is None:
        if provider is not None:
            raise click.UsageError("--provider goes with --write or --all")
        from reconciler.cli.importing import import_job

        return import_job(options(), address, job, yes=yes)
    from reconciler.cli.drafting import write_import

    return write_import(options(), address, job, provider, file, yes=yes)
