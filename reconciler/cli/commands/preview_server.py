"""`sorafile preview-server`."""

import math
from pathlib import Path
from typing import NoReturn

import click

from reconciler.cli.options import global_options, options

_SECONDS_MAX = 1e9  # far beyond any use, and a number that the server can take
_SLOTS_MAX = 1000


def _a_number(
    _context: click.Context, _option: click.Parameter, said: float | None
) -> float | None:
    """Refuse what is no number at all, which lies in every range."""
    if said is not None and math.isnan(said):
        raise click.BadParameter("nan is no number of seconds")
    return said


@click.command(
    "preview-server",
    short_help="Serve the Videos API on this machine, for any client.",
    epilog="\b\nExamples:\n  sorafile preview-server\n"
    "  sorafile preview-server --like sglang --faults faults.toml",
)
@click.option(
    "--port", metavar="N", type=click.IntRange(0, 65_535), default=0, help="0 takes a free one."
)
@click.option(
    "--host",
    metavar="ADDRESS",
    default="127.0.0.1",
    show_default=True,
    help="Where to listen; beyond this machine only if you say so.",
)
@click.option(
    "--data",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Keeps its jobs and files; by default where the project's embedded server has them.",
)
@click.option(
    "--pace",
    metavar="SECONDS",
    type=click.FloatRange(0, _SECONDS_MAX),
    callback=_a_number,
    help="About how long a job runs.",
)
@click.option(
    "--slots", metavar="N", type=click.IntRange(1, _SLOTS_MAX), help="So many jobs run at once."
)
@click.option(
    "--assets-last",
    metavar="SECONDS",
    type=click.FloatRange(0, _SECONDS_MAX),
    callback=_a_number,
    help="How long a finished video can be had.",
)
@click.option(
    "--takes",
    type=click.Choice(["official", "anything"]),
    help="What may be asked for: models, lengths and sizes of the official API (the default), or"
    " whatever can be drawn, by any model's name; fields that nobody knows are ignored then.",
)
@click.option(
    "--faults",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="What shall go wrong, in TOML.",
)
@click.option("--like", metavar="NAME", help="Speak as this real server does (litellm, sglang, …).")
@global_options(hidden=True)
def command(
    *,
    port: int,
    host: str,
    data: Path | None,
    pace: float | None,
    slots: int | None,
    assets_last: float | None,
    takes: str | None,
    faults: Path | None,
    like: str | None,
) -> NoReturn:
    """Serve the Videos API: animatics, free and offline, for any client and in any language.

    Jobs survive a restart. Without --host it listens to this machine alone. Where the
    environment has SORAFILE_PREVIEW_API_KEY, requests need that key. What the jobs would have
    cost is at /preview/ledger; /preview/faults shows the fault menu, and takes another by PUT.
    """
    from reconciler.cli.wiring import become_preview_server, preview_folder

    said = options()
    given = {
        "--pace": pace,
        "--slots": slots,
        "--assets-last": assets_last,
        "--takes": takes,
        "--faults": said.folder / faults if faults is not None else None,
        "--like": like,
    }
    flags: list[object] = [
        part for name, value in given.items() if value is not None for part in (name, value)
    ]
    kept = said.folder / data if data is not None else preview_folder(said.folder)
    if not said.json:
        flags.append("--greet")
    where = ("--data", kept, "--host", host, "--port", port)
    become_preview_server(*where, "--api-key-env", "SORAFILE_PREVIEW_API_KEY", *flags)
