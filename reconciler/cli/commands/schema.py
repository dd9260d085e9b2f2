"""`sorafile schema`."""

import click

from reconciler.cli.options import global_options, options

KINDS = ("plan", "events", "status", "costs", "provider-list", "provider-check", "spec", "project")


@click.command(
    "schema",
    epilog="\b\nExamples:\n  sorafile schema spec > spec.schema.json\n  sorafile schema plan",
)
@click.argument("kind", metavar="KIND", type=click.Choice(KINDS))
@global_options(hidden=True)
def command(kind: str) -> int:
    """Print the JSON Schema of a document or a file.

    KIND is plan, events, status, costs, provider-list or provider-check, which --json prints, or
    spec or project, which are for editors: put `#:schema ./spec.schema.json` into a spec's first
    line.
    """
    from reconciler.cli.opening import print_document
    from reconciler.cli.schemas import schema

    print_document(options(), schema(kind))
    return 0
