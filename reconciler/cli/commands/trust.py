"""`sorafile trust`."""

import click

from reconciler.cli.options import global_options, options

EPILOG = """\b
Examples:
  sorafile trust
  sorafile trust --yes
  sorafile trust --revoke

It is about this folder, for this user: nothing in a checkout can say that it is trusted. Another
URL, key source or command is asked about anew, and so is a script of the project that a command
names, once it changes. SORAFILE_TRUST=1 trusts everything for one command, and records nothing."""


@click.command("trust", epilog=EPILOG)
@click.option("-y", "--yes", is_flag=True, help="Consent without being asked.")
@click.option("--revoke", is_flag=True, help="Take back every consent for this checkout.")
@global_options(hidden=True)
def command(*, yes: bool, revoke: bool) -> int:
    """Show what this checkout would do with URLs and keys, and consent to it.

    Needed by providers whose server is not on this machine, and by keys that a command gives;
    of all workspaces. The exit code is 6 as long as a consent is missing.
    """
    from reconciler.cli import trusting

    if yes and revoke:
        raise click.UsageError("--yes and --revoke exclude each other")
    said = options()
    return trusting.revoke(said) if revoke else trusting.show_and_consent(said, yes=yes)
