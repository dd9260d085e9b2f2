"""The options that every command takes, before or after its name; and those that select."""

import shlex
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import click

from reconciler.cli.completing import addresses, expressions, folders, workspaces
from reconciler.cli.terminal import Terminal

F = TypeVar("F", bound=Callable[..., Any])

_PREFIX = "sorafile."


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What the user said for every command."""

    folder: Path
    workspace: str
    json: bool
    verbose: bool
    ask: bool  # questions are allowed, where somebody can answer
    terminal: Terminal
    chdir: str | None = None  # the folder as it was said
    variables: tuple[str, ...] = ()  # `name=text`, as said
    variable_files: tuple[str, ...] = ()  # relative to the folder, as said

    def command(self, rest: str) -> str:
        """A command to type next, with what was said here: `sorafile -C film apply`."""
        where = () if self.chdir is None else ("-C", self.chdir)
        which = () if self.workspace == "default" else ("-w", self.workspace)
        files = (word for file in self.variable_files for word in ("--var-file", file))
        given = (word for each in self.variables for word in ("--var", each))
        words = map(shlex.quote, (*where, *which, *files, *given))
        return " ".join(("sorafile", *words, rest))

    @property
    def may_ask(self) -> bool:
        """Whether a question makes sense: it is allowed, and somebody is there."""
        return self.ask and self.terminal.can_ask


def global_options(*, hidden: bool) -> Callable[[F], F]:
    """Give a command the global options; below a group they stay out of its help."""

    def decorate(command: F) -> F:
        for flags, settings in reversed(_GLOBAL):
            option = click.option(
                *flags, **settings, hidden=hidden, expose_value=False, callback=_remember
            )
            command = option(command)
        return command

    return decorate


_GLOBAL: tuple[tuple[tuple[str, ...], dict[str, Any]], ...] = (
    (
        ("-C", "--chdir"),
        {"metavar": "DIR", "help": "Work as if started in DIR.", "shell_complete": folders},
    ),
    (
        ("-w", "--workspace"),
        {
            "metavar": "NAME",
            "help": "The workspace; by default it is 'default'.",
            "shell_complete": workspaces,
        },
    ),
    (
        ("--var", "variables"),
        {
            "metavar": "NAME=TEXT",
            "multiple": True,
            "help": "What ${NAME} stands for in specs; also SORAFILE_VAR_NAME.",
        },
    ),
    (
        ("--var-file", "variable_files"),
        {"metavar": "FILE", "multiple": True, "help": "A TOML file of such values."},
    ),
    (("--json",), {"is_flag": True, "help": "Print documents for scripts."}),
    (("--no-color",), {"is_flag": True, "help": "No colours (also NO_COLOR)."}),
    (("-q", "--quiet"), {"is_flag": True, "help": "Only the result and errors."}),
    (("-v", "--verbose"), {"is_flag": True, "help": "More detail."}),
    (("--no-input",), {"is_flag": True, "help": "Never ask a question."}),
)


def selecting(command: F) -> F:
    """Give a command `--select` and `--exclude`."""
    for flag, help_ in reversed(_SELECTING):
        option = click.option(
            flag, multiple=True, metavar="EXPR", help=help_, shell_complete=expressions
        )
        command = option(command)
    return command


_SELECTING = (
    (
        "--select",
        (
            "Only these videos, and what they need: names and globs (hero, 'city*'), tag:launch, "
            "'path:specs/ads/*', state:failed, 'cost:>1'; +x with its parents, x+ with what"
            " derives from it; a comma is and, a repeat is or."
        ),
    ),
    ("--exclude", "Nothing about these, nor about what needs them."),
)


def replacing(command: F) -> F:
    """Give a command `--replace`."""
    return click.option(
        "--replace",
        multiple=True,
        metavar="ADDR",
        help="Another result of this video, of the same recipe. It is paid for; the old one stays"
        " until the new one is there.",
        shell_complete=addresses,
    )(command)


def selecting_flags(
    select: Iterable[str], exclude: Iterable[str], replace: Iterable[str] = ()
) -> str:
    """The options that say again what a plan is to be about, with a blank after each."""
    said = (("--select", select), ("--exclude", exclude), ("--replace", replace))
    return "".join(f"{flag} {shlex.quote(each)} " for flag, texts in said for each in texts)


def _remember(context: click.Context, parameter: click.Parameter, value: Any) -> None:
    if value:  # an option that is not given must not undo one before the command
        key = f"{_PREFIX}{parameter.name}"
        before = context.meta.get(key, ()) if parameter.multiple else None
        context.meta[key] = value if before is None else (*before, *value)


def options() -> Options:
    """The global options of the command that runs."""
    meta = click.get_current_context().meta

    def said(name: str) -> Any:
        return meta.get(f"{_PREFIX}{name}")

    folder = Path(said("chdir") or ".")
    if not folder.is_dir():
        raise click.UsageError(f"-C {folder}: there is no such folder")
    try:
        folder = folder.resolve()
    except OSError as error:  # it is open, but was deleted
        raise click.UsageError("the current folder is there no more") from error
    return Options(
        folder=folder,
        chdir=said("chdir"),
        workspace=said("workspace") or "default",
        variables=said("variables") or (),
        variable_files=said("variable_files") or (),
        json=bool(said("json")),
        verbose=bool(said("verbose")),
        ask=not said("no_input"),
        terminal=Terminal(
            color=False if said("no_color") else None,
            quiet=bool(said("quiet")),
        ),
    )
