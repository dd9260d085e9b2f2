"""What a shell completes: addresses, tags and the like, from files alone, and never an error."""

import os
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    shell_complete,
    split_arg_string,
)

VARIABLE = "_SORAFILE_COMPLETE"
SHELLS = ("bash", "zsh", "fish")

_SPECIAL = re.compile(r"[\s'\"\\$`&;|<>()!*?#~]")
_WORD_BREAKS = " \t\n\"'><=;|&(:"


class LineComplete(BashComplete):
    """Completion for Bash that reads the line itself.

    Bash takes `tag:launch` for three words, and what is completed for the last of them.
    """

    source_template = """\
%(complete_func)s() {
    local answer kind value
    answer=$(env COMP_LINE="${COMP_LINE:0:COMP_POINT}" COMP_WORDBREAKS="$COMP_WORDBREAKS" \\
        %(complete_var)s=bash_complete "$1" 2> /dev/null)
    COMPREPLY=()
    while IFS=',' read -r kind value; do
        case $kind in
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            plain)
                COMPREPLY+=("$value")
                case $value in *:) compopt -o nospace ;; esac
                ;;
        esac
    done <<< "$answer"
}

complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    def source(self) -> str:
        """The script, whichever Bash is at hand here."""
        return self.source_template % self.source_vars()

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words before the cursor, and the one that it is in."""
        line = os.environ["COMP_LINE"]
        words = split_arg_string(line)[1:]
        if not _last_word(line):
            return words, ""
        return words[:-1], words[-1] if words else ""

    def format_completion(self, item: CompletionItem[str]) -> str:
        """A completion without what Bash takes for words before it."""
        if item.type != "plain":
            return super().format_completion(item)
        written = _last_word(os.environ["COMP_LINE"])
        if written[:1] in ("'", '"'):
            return f"plain,{item.value}"
        breaks = os.environ.get("COMP_WORDBREAKS", _WORD_BREAKS)
        end = max((written.rfind(each) for each in breaks), default=-1) + 1
        before = written[:end]
        if before.startswith("-") and "=" in before:  # --select=tag:
            before = before.partition("=")[2]
        value = item.value.removeprefix(before)
        return "plain," + _SPECIAL.sub(lambda found: f"\\{found.group()}", value)


def _last_word(line: str) -> str:
    """The word at the end of a line as it is written; empty after a blank."""
    begin, quote = 0, ""
    for place, character in enumerate(line):
        if quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        elif character.isspace() and line[place - 1 : place] != "\\":
            begin = place + 1
    return line[begin:]


add_completion_class(LineComplete)


def complete(command: click.Command, instruction: str) -> int:
    """Answer a shell; whatever goes wrong, it completes nothing."""
    with suppress(Exception):
        return shell_complete(command, {}, "sorafile", VARIABLE, instruction)
    return 1


def script(shell: str, command: click.Command) -> str:
    """What a shell must read to complete."""
    of_shell = get_completion_class(shell)
    if of_shell is None:
        raise LookupError(shell)
    return of_shell(command, {}, "sorafile", VARIABLE).source()


def addresses(
    context: click.Context,
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem[str]]:
    """What is declared or recorded."""
    return _items(incomplete, _Known(context).addresses())


def folders(
    context: click.Context,  # noqa: ARG001 - click's signature
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem[str]]:
    """Left to the shell."""
    return [CompletionItem(incomplete, type="dir")]


def addresses_or_files(
    context: click.Context, parameter: click.Parameter, incomplete: str
) -> list[CompletionItem[str]]:
    """What is declared or recorded; where that is nothing, a file."""
    found = addresses(context, parameter, incomplete)
    return found or [CompletionItem(incomplete, type="file")]


def workspaces(
    context: click.Context,
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem[str]]:
    """The names of workspaces."""
    return _items(incomplete, _Known(context).workspaces())


def providers(
    context: click.Context,
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem[str]]:
    """The names of providers."""
    return _items(incomplete, _Known(context).providers())


def expressions(
    context: click.Context,
    parameter: click.Parameter,  # noqa: ARG001 - click's signature
    incomplete: str,
) -> list[CompletionItem[str]]:
    """The last term of an expression of `--select`."""
    from reconciler.plan.selection import PREFIXES, STATES

    head, last = _split(incomplete)
    known = _Known(context)
    if last.startswith("tag:"):
        found: Iterable[str] = (f"tag:{each}" for each in known.tags())
    elif last.startswith("path:"):
        found = (f"path:{each}" for each in known.files())
    elif last.startswith("state:"):
        found = (f"state:{each}" for each in STATES)
    else:
        found = (*known.addresses(), *PREFIXES)
    return [CompletionItem(f"{head}{each.value}") for each in _items(last, found)]


def _split(incomplete: str) -> tuple[str, str]:
    """What stands before the last term, and the term without its `+`."""
    depth, begin = 0, 0
    for place, character in enumerate(incomplete):
        depth += (character == "[") - (character == "]")
        if character == "," and depth <= 0:
            begin = place + 1
    if incomplete[begin:].startswith("+"):
        begin += 1
    return incomplete[:begin], incomplete[begin:]


def _items(incomplete: str, values: Iterable[str]) -> list[CompletionItem[str]]:
    return [CompletionItem(each) for each in values if each.startswith(incomplete)]


class _Known:
    """What the files of a project tell, however wrong they are."""

    def __init__(self, context: click.Context) -> None:
        self._folder = Path(context.meta.get("sorafile.chdir") or ".")
        self._workspace = context.meta.get("sorafile.workspace") or "default"

    def workspaces(self) -> list[str]:
        from reconciler.cli.wiring import glance_at_workspaces

        with suppress(Exception):
            return sorted(glance_at_workspaces(self._folder))
        return ["default"]

    def providers(self) -> list[str]:
        from reconciler.cli.wiring import glance_at_providers

        with suppress(Exception):
            return sorted(glance_at_providers(self._folder, self._workspace))
        return []

    def addresses(self) -> list[str]:
        from reconciler.cli.wiring import glance, glance_at_state

        found: set[str] = set()
        with suppress(Exception):
            found |= {str(address) for address in glance(self._folder, self._workspace)}
        with suppress(Exception):
            found |= {str(address) for address in glance_at_state(self._folder, self._workspace)}
        return sorted(found)

    def tags(self) -> list[str]:
        from reconciler.cli.wiring import glance

        with suppress(Exception):
            return sorted(
                {
                    tag
                    for each in glance(self._folder, self._workspace).values()
                    for tag in each.tags
                }
            )
        return []

    def files(self) -> list[str]:
        from reconciler.cli.wiring import glance

        with suppress(Exception):
            return sorted({each.file for each in glance(self._folder, self._workspace).values()})
        return []
