"""`sorafile apply`."""

import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from reconciler.cli.options import global_options, options, replacing, selecting

EPILOG = """\b
Examples:
  sorafile apply
  sorafile apply --yes --parallelism 2
  sorafile apply --yes --free
  sorafile apply --select hero+ --select tag:launch
  sorafile apply --yes --max-cost 5

\b
A plan to look at now, and to carry out later:
  sorafile plan --out friday.plan
  sorafile apply friday.plan

The first Ctrl-C begins nothing more and leaves running jobs to the next run; the second one
exits at once. Both lose nothing."""

_DURATION = re.compile(r"(?P<count>\d+(?:\.\d+)?)(?P<unit>ms|s|m|h)")
_AMOUNT = re.compile(r"\$?\d+(\.\d+)?", re.ASCII)
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0}


class Dollars(click.ParamType[Decimal]):
    """An amount of money: `5`, `2.50`, `$12`."""

    name = "usd"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Decimal:
        """Read one."""
        if isinstance(value, Decimal):
            return value
        if _AMOUNT.fullmatch(str(value)) is None:
            self.fail(f"{value!r} is no amount of dollars; write it as 5 or 2.50", param, ctx)
        return Decimal(str(value).removeprefix("$"))


class Duration(click.ParamType[float]):
    """A length of time, in seconds: `500ms`, `10s`, `30m`, `2h`."""

    name = "duration"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Read one."""
        if isinstance(value, float):
            return value
        match = _DURATION.fullmatch(str(value))
        if match is None:
            self.fail(f"{value!r} is no duration; write it as 500ms, 10s, 30m or 2h", param, ctx)
        return float(match["count"]) * _UNIT_S[match["unit"]]


@click.command("apply", epilog=EPILOG)
@click.argument("planfile", required=False, type=click.Path(path_type=Path))
@click.option("-y", "--yes", is_flag=True, help="Do not ask.")
@selecting
@replacing
@click.option("--free", is_flag=True, help="Only what costs nothing.")
@click.option("--max-cost", type=Dollars(), metavar="USD", help="Spend at most so much.")
@click.option("--destroy", is_flag=True, help="Delete all that is recorded.")
@click.option(
    "--refresh",
    type=click.Choice(["auto", "full", "none"]),
    default="auto",
    show_default=True,
    help="Which jobs to ask the server for.",
)
@click.option("--verify", is_flag=True, help="Read and hash every file.")
@click.option(
    "--parallelism",
    type=click.IntRange(min=1),
    metavar="N",
    help="At most N jobs a provider, and N downloads, at once.",
)
@click.option("--no-wait", is_flag=True, help="Submit, and leave the jobs to the next run.")
@click.option(
    "--timeout", type=Duration(), metavar="D", help="Begin nothing more after D (30s, 10m, 2h)."
)
@click.option(
    "--allow-mass-change",
    is_flag=True,
    help="Delete more than 30 % of the recorded videos, where that is meant.",
)
@click.option(
    "--allow-empty", is_flag=True, help="Delete all, where the specs declare no video any more."
)
@global_options(hidden=True)
def command(
    *,
    planfile: Path | None,
    yes: bool,
    free: bool,
    max_cost: Decimal | None,
    destroy: bool,
    refresh: str,
    verify: bool,
    parallelism: int | None,
    no_wait: bool,
    timeout: float | None,
    allow_mass_change: bool,
    allow_empty: bool,
    select: tuple[str, ...],
    exclude: tuple[str, ...],
    replace: tuple[str, ...],
) -> int:
    """Plan, show the plan, ask, and do it.

    Creates, remixes, downloads, publishes and deletes until the videos are as declared. What
    was paid for is never paid for again.

    With a PLANFILE that `plan --out` wrote, does what is planned there, or less, and nothing
    else. It is refused where something that it names has changed, and once it was used.
    """
    from reconciler.cli.applying import Wanted, apply, apply_saved
    from reconciler.plan.selection import Selection

    if destroy and replace:
        raise click.UsageError("--replace asks for another result, and --destroy for none")
    wanted = Wanted(
        yes=yes,
        free=free,
        destroy=destroy,
        refresh=refresh,
        every_byte=verify,
        parallelism=parallelism,
        wait=not no_wait,
        timeout_s=timeout,
        max_cost_usd=max_cost,
        allow_mass_change=allow_mass_change,
        allow_empty=allow_empty,
        selection=Selection.parse(select, exclude),
        again=replace,
    )
    if planfile is None:
        return apply(options(), wanted)
    _refuse_choices()
    return apply_saved(options(), wanted, planfile)


def _refuse_choices() -> None:
    """What a plan was made with is written in its file."""
    context = click.get_current_context()
    for name in ("destroy", "refresh", "verify", "select", "exclude", "replace"):
        if context.get_parameter_source(name) is not ParameterSource.DEFAULT:
            raise click.UsageError(f"--{name} belongs to plan --out: the PLANFILE has it already")
