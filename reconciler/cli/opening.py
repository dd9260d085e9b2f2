"""Reading the project at the start of a command, and telling all that is wrong with it."""

import click

from reconciler.cli.diagnostic_text import diagnostics_text
from reconciler.cli.documents import invalid_document
from reconciler.cli.options import Options
from reconciler.cli.wiring import Declared, read_project
from reconciler.domain.errors import ExitCode, InvalidSpecError


def open_project(said: Options) -> Declared:
    """Read the project and its specs; warnings are told.

    Raises:
        click.exceptions.Exit: the specs are invalid, and every mistake was told.
    """
    try:
        declared = read_project(said.folder, said.workspace)
    except InvalidSpecError as error:
        said.terminal.complain(diagnostics_text(error.diagnostics))
        if said.json:
            print_document(said, invalid_document(error))
        raise click.exceptions.Exit(ExitCode.INVALID) from error
    if declared.warnings:
        said.terminal.talk(diagnostics_text(declared.warnings))
    return declared


def print_document(said: Options, document: object) -> None:
    """Print one JSON object to standard output."""
    said.terminal.write_json(document, indent=2)
