"""`sorafile validate`."""

import click

from reconciler.cli.options import global_options, options


@click.command(
    "validate",
    epilog="\b\nExamples:\n  sorafile validate\n  sorafile -C films/spring validate --json",
)
@global_options(hidden=True)
def command() -> int:
    """Check the specs, their references and the profile's limits.

    Uses no network and no state. Every mistake of all files is told at once, with its place;
    the exit code is 3 then.
    """
    from reconciler.cli.documents import FORMAT, diagnostic_document
    from reconciler.cli.opening import open_specs, print_document
    from reconciler.cli.units import plural

    said = options()
    declared = open_specs(said)
    if said.json:
        warnings = [diagnostic_document(each) for each in declared.warnings]
        print_document(said, {"format_version": FORMAT, "diagnostics": warnings})
    else:
        said.terminal.out.print(f"Valid: {plural(len(declared.desired), 'video')} declared.")
    return 0
