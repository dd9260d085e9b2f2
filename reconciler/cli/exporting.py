"""The state as one document: written out, and taken back."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from reconciler.apply.remember import book_what_is_unknown
from reconciler.cli.asking import consent
from reconciler.cli.documents import FORMAT
from reconciler.cli.opening import open_outside, open_settings, print_document
from reconciler.cli.options import Options
from reconciler.cli.units import plural
from reconciler.cli.variables import given_variables
from reconciler.cli.wiring import Declared, read_project, state_care
from reconciler.domain.errors import DamagedStateError, InvalidSpecError, StateError

if TYPE_CHECKING:
    from reconciler.specs.project import Project
    from reconciler.state.care import StateCare
    from reconciler.state.export import Export


def export(said: Options, file: Path | None, *, yes: bool) -> int:
    """Write all that is recorded to a file, or to standard output."""
    care = state_care(open_settings(said))
    found = care.export()
    if found is None:
        raise StateError(
            f"{care.place} records nothing, so there is nothing to export",
            fix="See that this is the project that you mean: `-C DIR` names another.",
        )
    if file is None:
        # Bytes, since the terminal's encoding must not change what is in it.
        sys.stdout.flush()
        sys.stdout.buffer.write(found.to_json())
        sys.stdout.buffer.flush()
        return 0
    target = said.folder / file
    if target.exists() and not yes:
        consent(said, f"{file} exists", f"Replace {file}?")
    care.write(found, target)
    said.terminal.talk(f"{file} holds {_contents(found)}.")
    return 0


def restore(said: Options, file: Path, *, yes: bool) -> int:
    """Put an export, or a backup copy, in the place of all that is recorded."""
    project = open_settings(said)
    care = state_care(project)
    wanted = care.read_back(said.folder / file)
    there = _what_is_there(care)
    if there is not None and not yes:
        about = f"{care.place} {there}, and {file} holds {_contents(wanted)}"
        consent(said, about, f"Put {file} in its place? A copy of what is there is kept.")
    kept = care.restore(wanted)
    _book_what_was_bought_since(said, project)
    if said.json:
        document = {
            "format_version": FORMAT,
            "videos": wanted.count("videos"),
            "generations": wanted.count("generations"),
            "kept": None if kept is None else str(kept),
        }
        print_document(said, document)
        return 0
    said.terminal.out.print(f"Restored: {_contents(wanted)}.", soft_wrap=True)
    if kept is not None:
        said.terminal.talk(f"What was there is kept in {kept}.")
    said.terminal.talk(
        "Plans that were saved before do not hold any more. What was bought since is found in the"
        f" asset store; running jobs show in: {said.command('remote list --unmanaged')}"
    )
    return 0


def _book_what_was_bought_since(said: Options, project: "Project") -> None:
    """Count the stored videos that the restored database does not know against the budget."""
    try:
        desired = read_project(said.folder, said.workspace, given_variables(said)).desired
    except InvalidSpecError:
        desired = {}  # then what is booked has no tags: the state must come back all the same
    settings = Declared(project=project, providers={}, desired=desired, warnings=())
    outside = open_outside(said, settings)
    with outside.writer("state restore") as state:
        state.void_reserved()
        book_what_is_unknown(desired, outside.assets, state)


def _what_is_there(care: "StateCare") -> str | None:
    """What a restore would replace; None where that is nothing."""
    try:
        before = care.export()
    except DamagedStateError:
        return "is damaged"
    if before is None or before.is_empty:
        return None
    return f"holds {_contents(before)}"


def _contents(export: "Export") -> str:
    """`3 videos and 5 jobs in 2 workspaces`."""
    jobs, workspaces = export.count("generations"), export.count("workspaces")
    what = f"{plural(export.count('videos'), 'video')} and {plural(jobs, 'job')}"
    return what if workspaces <= 1 else f"{what} in {workspaces} workspaces"
