"""`sorafile import`."""

import click

from reconciler.cli import completing
from reconciler.cli.options import global_options, options

EPILOG = """\b
Examples:
  sorafile remote list --unmanaged
  sorafile import opening video_68d7512d07848190b3e45da0ecbebcde"""


@click.command("import", epilog=EPILOG)
@click.argument("address", metavar="ADDR", shell_complete=completing.addresses)
@click.argument("job", metavar="ID")
@click.option("-y", "--yes", is_flag=True, help="Take a job that differs from the declaration.")
@global_options(hidden=True)
def command(*, address: str, job: str, yes: bool) -> int:
    """Take a job that the server has already as the video of a declaration.

    Nothing is paid. The next apply downloads and publishes it. The job itself is never deleted
    by sorafile: it may be another's.
    """
    from reconciler.cli.importing import import_job

    return import_job(options(), address, job, yes=yes)
