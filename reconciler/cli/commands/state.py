"""`sorafile state`."""

import click

from reconciler.cli.options import global_options, options


@click.group(
    "state",
    epilog="\b\nExamples:\n  sorafile state list\n  sorafile state list --json",
    no_args_is_help=True,
)
@global_options(hidden=True)
def command() -> None:
    """Look at what the state database records."""


@command.command(
    "list",
    epilog="\b\nExamples:\n  sorafile state list\n  sorafile -C films/spring state list",
)
@global_options(hidden=True)
def list_command() -> int:
    """List the recorded addresses, with the job that each one holds."""
    from reconciler.cli.documents import FORMAT
    from reconciler.cli.opening import open_project, print_document
    from reconciler.cli.wiring import Outside

    said = options()
    declared = open_project(said)
    recorded = Outside(declared, said.workspace).reader().read()
    rows = [
        {
            "address": str(address),
            "current": video.current.remote_id if video.current else None,
            "pending": video.pending.remote_id if video.pending else None,
            "deposed": [generation.remote_id for generation in video.deposed],
            "protect": bool(video.lifecycle.protect),
            "files": [file.path for file in video.published],
        }
        for address, video in sorted(recorded.videos.items())
    ]
    if said.json:
        print_document(said, {"format_version": FORMAT, "videos": rows})
        return 0
    if not rows:
        said.terminal.talk("Nothing is recorded.")
    for row in rows:
        job = row["current"] or row["pending"] or "-"
        said.terminal.out.print(f"{row['address']}  {job}", soft_wrap=True)
    return 0
