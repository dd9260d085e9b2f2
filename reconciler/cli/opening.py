"""Reading the project at the start of a command, and telling all that is wrong with it."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from reconciler.cli.diagnostic_text import diagnostic_text, diagnostics_text
from reconciler.cli.documents import invalid_document
from reconciler.cli.options import Options
from reconciler.cli.trust import Trust
from reconciler.cli.variables import given_variables
from reconciler.cli.wiring import Declared, Outside, doubt_about_state, read_project, read_settings
from reconciler.domain.errors import ExitCode, InvalidSpecError
from reconciler.specs.project import Project


def open_project(said: Options) -> Declared:
    """Read the project and its specs, for a command that looks at the state; warnings are told.

    Raises:
        click.exceptions.Exit: the specs are invalid, and every mistake was told.
    """
    declared = open_specs(said)
    _warn_of_place(said, declared.project)
    return declared


def open_specs(said: Options) -> Declared:
    """Read the project and its specs, for a command without state; warnings are told.

    Raises:
        click.exceptions.Exit: the specs are invalid, and every mistake was told.
    """
    given = given_variables(said)
    with mistakes_told(said):
        declared = read_project(said.folder, said.workspace, given)
    if declared.warnings:
        said.terminal.talk(diagnostics_text(declared.warnings))
    return declared


def open_settings(said: Options) -> Project:
    """Read the project file, for what must work whatever the specs say; warnings are told.

    Raises:
        click.exceptions.Exit: it is invalid, and every mistake was told.
    """
    with mistakes_told(said):
        project, warnings = read_settings(said.folder, said.workspace)
    if warnings:
        said.terminal.talk(diagnostics_text(warnings))
    _warn_of_place(said, project)
    return project


def open_outside(said: Options, declared: Declared) -> Outside:
    """The world outside of a project, in which its providers act once they are trusted."""
    return Outside(declared, said.workspace, Trust(said, declared.root).require)


@contextmanager
def mistakes_told(said: Options) -> Iterator[None]:
    """Tell every mistake of the files that are read within, and end.

    Raises:
        click.exceptions.Exit: there was one.
    """
    try:
        yield
    except InvalidSpecError as error:
        said.terminal.complain(diagnostics_text(error.diagnostics))
        if said.json:
            print_document(said, invalid_document(error))
        raise click.exceptions.Exit(ExitCode.INVALID) from error


def _warn_of_place(said: Options, project: Project) -> None:
    doubt = doubt_about_state(project)
    if doubt is not None:
        said.terminal.talk(diagnostic_text(doubt))


def print_document(said: Options, document: object) -> None:
    """Print one JSON object to standard output."""
    said.terminal.write_json(document, indent=2)
