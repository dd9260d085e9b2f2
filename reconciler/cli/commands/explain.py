"""`sorafile explain`."""

import click

from reconciler.cli.options import global_options, options

EPILOG = """\b
Examples:
  sorafile explain hero
  sorafile explain 'city[Tokyo,dawn]' --json"""


@click.command("explain", epilog=EPILOG)
@click.argument("address", metavar="ADDR")
@global_options(hidden=True)
def command(address: str) -> int:
    """Say where each value of a video comes from, with file and line, and its recipe."""
    from reconciler.cli.explaining import explain_address

    return explain_address(options(), address)
