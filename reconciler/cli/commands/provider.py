"""`sorafile provider`."""

from decimal import Decimal

import click

from reconciler.cli.commands.apply import Dollars
from reconciler.cli.completing import providers
from reconciler.cli.options import global_options, options

CHECK_EPILOG = """\b
Examples:
  sorafile provider check
  sorafile provider check preview --paid --yes

Every request is sent once, and none can make anything, but for the one that --paid buys. Exit
codes: 0 it does what its profile promises, or --write corrected what it does not; 4 a promise of
the profile does not hold, or the video that was bought failed; 5 nobody knows whether that video
was made; 6 refused; 10 it cannot be reached, or refuses the key."""


@click.group(
    "provider",
    epilog="\b\nExamples:\n  sorafile provider list\n  sorafile provider check preview",
    invoke_without_command=True,
)
@click.pass_context
@global_options(hidden=True)
def command(context: click.Context) -> int:
    """Look at the servers of a project, and at what is known of each kind of server.

    Without a command they are listed.
    """
    if context.invoked_subcommand is not None:
        return 0
    result: int = context.invoke(list_command)
    return result


@command.command(
    "list",
    short_help="The project's servers, and the profiles that there are.",
    epilog="\b\nExamples:\n  sorafile provider list\n  sorafile provider list --json",
)
@global_options(hidden=True)
def list_command() -> int:
    """List the servers of this project, and what the shipped profiles say; nothing is asked."""
    from reconciler.cli.probing import list_providers

    return list_providers(options())


@command.command(
    "check",
    short_help="What a server really does, against its profile.",
    epilog=CHECK_EPILOG,
)
@click.argument("name", metavar="[NAME]", required=False, shell_complete=providers)
@click.option(
    "--write",
    is_flag=True,
    help="Write what corrects the profile into [providers.NAME] of sorafile.toml.",
)
@click.option(
    "--paid",
    is_flag=True,
    help="Buy one short video too, and watch it to its end. Its price is shown first. It is in no"
    " state, and its cost not in the ledger.",
)
@click.option("--model", metavar="NAME", help="Of that video; the provider's default else.")
@click.option("-y", "--yes", is_flag=True, help="Buy it without being asked.")
@click.option("--max-cost", type=Dollars(), metavar="USD", help="Spend at most so much on it.")
@global_options(hidden=True)
def check_command(
    *,
    name: str | None,
    write: bool,
    paid: bool,
    model: str | None,
    yes: bool,
    max_cost: Decimal | None,
) -> int:
    """Find out what a server really does, and where it differs from its profile.

    NAME is a provider of sorafile.toml; the project's by default. It is asked for its list,
    for a job that nobody has, and for the first bytes of a finished one; nothing is recorded.
    The TOML that would correct the profile is printed at the end: with it, a server of the
    profile `generic` gets a description of its own.
    """
    from reconciler.cli.probing import Purchase, check_provider

    if not paid and (model is not None or yes or max_cost is not None):
        raise click.UsageError("--model, --yes and --max-cost are about what --paid buys")
    purchase = Purchase(model=model, yes=yes, max_cost_usd=max_cost) if paid else None
    return check_provider(options(), name, purchase, writes=write)
