"""`sorafile resolve`."""

import click

from reconciler.cli import completing
from reconciler.cli.options import global_options, options

EPILOG = """\b
Examples:
  sorafile resolve
  sorafile resolve teaser
  sorafile resolve teaser --adopt video_68d7512d
  sorafile resolve teaser --retry --yes

An apply looks for the job of a lost answer by itself. Where nobody but you can tell, look with
'sorafile remote list', then decide: --adopt takes a job as the result, --retry gives the request
up and lets the next apply buy the video again, --write-off gives it up for good."""


@click.command("resolve", epilog=EPILOG)
@click.argument("address", metavar="[ADDR]", required=False, shell_complete=completing.addresses)
@click.option("--adopt", metavar="ID", help="This job is what the request made.")
@click.option("--retry", is_flag=True, help="Give it up; the next apply buys the video again.")
@click.option("--write-off", is_flag=True, help="Give it up; nothing is bought in its place.")
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@global_options(hidden=True)
def command(
    *, address: str | None, adopt: str | None, retry: bool, write_off: bool, yes: bool
) -> int:
    """Show the paid requests whose outcome is unknown, and decide one of them.

    Without an address all of them are listed; with one, the jobs that it may have made.
    """
    from reconciler.cli.resolving import Decision, decide, show_all, show_one

    decisions = [
        *([Decision.ADOPT] if adopt is not None else []),
        *([Decision.RETRY] if retry else []),
        *([Decision.WRITE_OFF] if write_off else []),
    ]
    if len(decisions) > 1:
        raise click.UsageError("--adopt, --retry and --write-off exclude each other")
    if decisions and address is None:
        raise click.UsageError("name the address to decide")
    said = options()
    if address is None:
        return show_all(said)
    if not decisions:
        return show_one(said, address)
    return decide(said, address, decisions[0], job=adopt, yes=yes)
