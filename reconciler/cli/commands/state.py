"""`sorafile state`."""

from pathlib import Path

import click

from reconciler.cli import completing
from reconciler.cli.options import global_options, options


@click.group(
    "state",
    epilog="\b\nExamples:\n  sorafile state list\n  sorafile state export backup.json",
    no_args_is_help=True,
)
@global_options(hidden=True)
def command() -> None:
    """Look at what the state database records, and look after it."""


@command.command(
    "list",
    epilog="\b\nExamples:\n  sorafile state list\n  sorafile -C films/spring state list",
)
@global_options(hidden=True)
def list_command() -> int:
    """List the recorded addresses, with the job that each one holds."""
    from rich.cells import cell_len

    from reconciler.cli.documents import FORMAT
    from reconciler.cli.layout import padded
    from reconciler.cli.opening import open_settings, print_document
    from reconciler.cli.wiring import state_reader

    said = options()
    recorded = state_reader(open_settings(said), said.workspace).read()
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
    longest = max((cell_len(str(row["address"])) for row in rows), default=0)
    for row in rows:
        job = row["current"] or row["pending"] or "-"
        said.terminal.out.print(f"{padded(str(row['address']), longest)}  {job}", soft_wrap=True)
    return 0


@command.command(
    "show",
    short_help="Show what is recorded of one address, or of all.",
    epilog="\b\nExamples:\n  sorafile state show hero\n  sorafile state show --json",
)
@click.argument("address", metavar="[ADDR]", required=False, shell_complete=completing.addresses)
@global_options(hidden=True)
def show_command(address: str | None) -> int:
    """Show what is recorded of one address, or of all, whether declared or not."""
    from reconciler.cli.clock import SystemClock
    from reconciler.cli.documents import FORMAT
    from reconciler.cli.opening import open_settings, print_document
    from reconciler.cli.video_text import record_document, record_text
    from reconciler.cli.wiring import state_reader
    from reconciler.domain.errors import SorafileError

    said = options()
    recorded = state_reader(open_settings(said), said.workspace).read()
    chosen = [
        video
        for name, video in sorted(recorded.videos.items())
        if address is None or str(name) == address
    ]
    if address is not None and not chosen:
        raise SorafileError(
            f"nothing is recorded of {address}", fix=f"see of what: {said.command('state list')}"
        )
    if said.json:
        videos = [record_document(video) for video in chosen]
        print_document(said, {"format_version": FORMAT, "videos": videos})
        return 0
    if not chosen:
        said.terminal.talk("Nothing is recorded.")
    for number, video in enumerate(chosen):
        if number:
            said.terminal.out.print()
        said.terminal.out.print(record_text(video, SystemClock().now()))
    return 0


@command.command(
    "mv",
    short_help="Rename what is recorded of addresses.",
    epilog="\b\nExamples:\n  sorafile state mv hero opening\n"
    "  sorafile state mv hero 'hero[1]' --yes\n  sorafile state mv hero street street hero",
)
@click.argument(
    "addresses",
    metavar="OLD NEW [OLD NEW]...",
    nargs=-1,
    required=True,
    shell_complete=completing.addresses,
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@global_options(hidden=True)
def mv_command(addresses: tuple[str, ...], *, yes: bool) -> int:
    """Give what OLD holds to NEW, which holds nothing yet; the next apply moves the files.

    Several pairs are renamed at once, all or none, and may change places. A name without keys
    takes all of its takes and cells along. A copy of the database is kept first. In a team,
    a [[moved]] block in a spec does the same in everybody's state.
    """
    from reconciler.cli.rearranging import move

    if len(addresses) % 2:
        raise click.UsageError(f"{addresses[-1]} is named without its new name: give pairs")
    return move(options(), zip(addresses[::2], addresses[1::2], strict=True), yes=yes)


@command.command(
    "rm",
    short_help="Forget addresses; their jobs and files are left alone.",
    epilog="\b\nExamples:\n  sorafile state rm hero\n"
    "  sorafile state rm street 'city[Tokyo,dawn]' --yes",
)
@click.argument("addresses", metavar="ADDR...", nargs=-1, required=True)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@global_options(hidden=True)
def rm_command(addresses: tuple[str, ...], *, yes: bool) -> int:
    """Forget what is recorded of each ADDR; remote jobs, files and stored videos stay.

    A name without keys means all of its takes and cells. A copy of the database is kept first.
    What is declared still is taken back by the next apply, at no cost.
    """
    from reconciler.cli.rearranging import remove

    return remove(options(), addresses, yes=yes)


@command.command(
    "export",
    short_help="Write all that is recorded as one JSON document.",
    epilog="\b\nExamples:\n  sorafile state export > today.json\n"
    "  sorafile state export backup.json --yes",
)
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Replace FILE without asking.")
@global_options(hidden=True)
def export_command(file: Path | None, *, yes: bool) -> int:
    """Write all that is recorded, of every workspace, to FILE or to standard output.

    'sorafile state restore' takes it back. The stored videos are not in it: keep the asset
    store too.
    """
    from reconciler.cli.exporting import export

    return export(options(), file, yes=yes)


@command.command(
    "restore",
    short_help="Take back an export, or a backup copy of the database.",
    epilog="\b\nExamples:\n  sorafile state restore backup.json\n"
    "  sorafile state restore backup.json --yes",
)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@global_options(hidden=True)
def restore_command(file: Path, *, yes: bool) -> int:
    """Put an export, or a backup copy of the database, in the place of all that is recorded.

    Happens whole or not at all. What is there is kept in a copy, a damaged database too.
    A backup copy has a name such as state/sorafile.db.schema-0001-20261122T120000000000Z.bak.
    """
    from reconciler.cli.exporting import restore

    return restore(options(), file, yes=yes)


@command.command(
    "verify",
    short_help="Check the database, every stored asset and every sidecar.",
    epilog="\b\nExamples:\n  sorafile state verify\n  sorafile state verify --repair",
)
@click.option(
    "--repair",
    is_flag=True,
    help="First write missing and damaged sidecars anew, from the database.",
)
@global_options(hidden=True)
def verify_command(*, repair: bool) -> int:
    """Read the database and the asset store from end to end; the exit code is 1 for damage.

    Each finding says what to do about it. Nothing is changed without --repair, which sets
    aside what it replaces.
    """
    from reconciler.cli.verifying import verify

    return verify(options(), repair=repair)


@command.command(
    "unlock",
    short_help="Free a workspace whose run does not come back.",
    epilog="\b\nExamples:\n  sorafile state unlock\n  sorafile state unlock --yes",
)
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@click.option("--force", is_flag=True, help="Even though its process runs on this machine.")
@global_options(hidden=True)
def unlock_command(*, yes: bool, force: bool) -> int:
    """Show who holds the workspace since when, and free it.

    Rarely needed: a run that died gives it back by itself, at once on its own machine, else
    30 seconds after its last sign of life. The old holder can write nothing afterwards.
    """
    from reconciler.cli.unlocking import unlock

    return unlock(options(), yes=yes, force=force)
