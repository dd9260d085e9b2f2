"""The command tree, and the one place where errors end."""

import importlib
import keyword
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from pathlib import Path

import click

from reconciler import __version__
from reconciler.cli import completing, streams
from reconciler.cli.options import global_options
from reconciler.domain.errors import ExitCode, SorafileError

# Said here once, so that --help need not import a command to tell what it does.
COMMANDS = {
    "init": "Write a project that plans and applies at once.",
    "validate": "Check the specs; no network, no state.",
    "fmt": "Space the TOML of a project in one way, comments kept.",
    "plan": "Say what would change, why, and what it costs.",
    "apply": "Make it so: create, remix, download, publish, delete.",
    "destroy": "Delete everything that is recorded.",
    "watch": "Plan on every save, and do what costs nothing.",
    "status": "How each video stands, a row each.",
    "show": "One video with its generations and assets, or a saved plan.",
    "explain": "Where each value of a video comes from, and its recipe.",
    "resolve": "Decide what became of a paid request without an answer.",
    "import": "Take jobs that the server has, instead of buying others.",
    "costs": "What was spent and held, against the budget.",
    "remote": "The jobs that are on the server.",
    "provider": "What servers there are, and what one of them really does.",
    "state": "What the state database records.",
    "trust": "What this checkout would do with URLs and keys; the consent.",
    "preview-server": "Serve the Videos API on this machine, for any client.",
    "completion": "What makes a shell complete.",
    "schema": "The JSON Schema of a document or file.",
    "version": "The version of sorafile.",
}

EXAMPLES = """\b
Examples:
  sorafile plan
  sorafile apply --yes

Exit codes: 0 done, 1 error, 2 changes (plan --detailed-exitcode), 3 invalid specs,
4 an action failed, 5 unresolved paid attempts, 6 refused, 7 stale plan file, 8 interrupted,
9 locked, 10 server unreachable."""


class Commands(click.Group):
    """Commands that are imported when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """All names, in the order in which they are of use."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """Import one command."""
        if cmd_name not in COMMANDS:
            return None
        name = cmd_name.replace("-", "_")
        file = f"{name}_" if keyword.iskeyword(name) else name
        module = importlib.import_module(f"reconciler.cli.commands.{file}")
        command = module.command
        if not isinstance(command, click.Command):
            raise TypeError(f"{module.__name__}.command is no command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or name the nearest one."""
        name = args[0]
        is_typed = not name.startswith("-") and not ctx.resilient_parsing
        if name not in COMMANDS and is_typed:
            from difflib import get_close_matches

            near = get_close_matches(name, COMMANDS, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            ctx.fail(f"No such command '{name}'.{hint}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - click's signature
        """List them without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=EXAMPLES,
    no_args_is_help=True,
)
@click.version_option(__version__, message="sorafile %(version)s")
@global_options(hidden=False)
def sorafile() -> None:
    """Keep a folder of generated videos true to a folder of TOML specs.

    The options below may stand before or after the command.
    """


def run(arguments: Sequence[str]) -> int:
    """Run one command, and return its exit code. No traceback leaves this function."""
    asked = os.environ.get(completing.VARIABLE)
    if asked is not None:
        return completing.complete(sorafile, asked)
    try:
        code = sorafile.main(args=list(arguments), prog_name="sorafile", standalone_mode=False)
        sys.stdout.flush()
        return int(code or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        error.show()
        return ExitCode.ERROR
    except click.ClickException as error:
        return _tell_usage(error, color=False if "--no-color" in arguments else None)
    except (click.Abort, KeyboardInterrupt):
        _say("Interrupted.")
        return ExitCode.INTERRUPTED
    except SorafileError as error:
        return _tell(error, color=False if "--no-color" in arguments else None)
    except Exception as error:  # noqa: BLE001 - the rim: a bug becomes a report, never a traceback
        if isinstance(error, OSError) and streams.is_of_a_stream(error):
            streams.leave(error)
            return ExitCode.ERROR
        return _report()


def _tell_usage(error: click.ClickException, *, color: bool | None) -> int:
    """What was typed wrongly, and where its help is."""
    context = error.ctx if isinstance(error, click.UsageError) else None
    if context is None:
        return _tell(SorafileError(error.format_message()), color=color)
    _say(context.get_usage())
    fix = f"see how it is used: {context.command_path} --help"
    return _tell(SorafileError(error.format_message(), fix=fix), color=color)


def _tell(error: SorafileError, *, color: bool | None) -> int:
    from reconciler.cli.diagnostic_text import error_text
    from reconciler.cli.terminal import Terminal

    Terminal(color=color).complain(error_text(error))
    return error.exit_code


def _report() -> int:
    """Write the traceback where it can be looked at: it holds no values of variables."""
    _say("This is a bug in sorafile, not a mistake of yours.")
    try:
        file, name = tempfile.mkstemp(prefix="sorafile-", suffix=".txt")
        with os.fdopen(file, "w", encoding="utf-8", errors="replace") as report:
            report.write(f"sorafile {__version__}, Python {sys.version}\n{sys.platform}\n\n")
            report.write(traceback.format_exc())
        _say(f"The report is in {Path(name)}; please send it to the developers.")
    except OSError as error:
        _say(f"The report about it could not be written: {error.strerror}.")
    _say("Nothing that was paid for is lost: what was done is recorded.")
    return ExitCode.ERROR


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
