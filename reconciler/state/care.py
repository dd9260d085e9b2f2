"""What is done with a state database as a whole: exported, restored, checked, unlocked."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select

from reconciler.domain.errors import Diagnostic
from reconciler.domain.ports import Lease
from reconciler.state import lease, schema
from reconciler.state.checking import check_database
from reconciler.state.export import Export, read_export, write_export
from reconciler.state.place import Place, locate
from reconciler.state.processes import is_alive
from reconciler.state.restoring import keep, read_back, restore
from reconciler.state.tables import workspaces


@dataclass(frozen=True, slots=True, kw_only=True)
class StateCare:
    """The whole database, whatever the workspace."""

    place: Place
    root: Path
    clock_now: Callable[[], datetime]

    def export(self) -> Export | None:
        """All that is recorded; None where there is no database.

        Raises:
            StateError: it cannot be read, or its schema is not this release's.
        """
        if self.place.is_absent():
            return None
        with self.place.reading() as connection:
            return read_export(connection) if schema.is_there(connection, self.place) else None

    def write(self, export: Export, target: Path) -> None:
        """Write an export into a file; what lay there is replaced whole.

        Raises:
            StateError: it cannot be written; what lay there is untouched.
        """
        write_export(export, target)

    def read_back(self, file: Path) -> Export:
        """Read an export, or a copy of an SQLite database.

        Raises:
            StateError: it cannot be read, is damaged (and where), or is of a newer release.
        """
        return read_back(file, self.clock_now())

    def restore(self, export: Export) -> Path | None:
        """Put an export in the place of all that is recorded, and tell where that is kept.

        Raises:
            LockedError: a run that may be alive holds a workspace; nothing was changed.
            StateError: it cannot be done; nothing was changed.
        """
        return restore(self.place, self.root, export, self.clock_now())

    def keep(self, occasion: str) -> Path | None:
        """Keep a copy of all that is recorded, and tell where; None where there is nothing.

        Raises:
            StateError: it cannot be written, or the state cannot be read.
        """
        before = self.export()
        if before is None:
            return None
        return keep(self.place, self.root, before, occasion, self.clock_now())

    def check(self) -> tuple[Diagnostic, ...]:
        """All that is wrong with the database. Changes nothing.

        Raises:
            StateError: it cannot be looked at, or its schema is not this release's.
        """
        return check_database(self.place)

    def lease(self, workspace: str) -> Lease | None:
        """Who holds a workspace, whether he lives or not; None where nobody does."""
        if self.place.is_absent():
            return None
        with self.place.reading() as connection:
            held = lease.held(connection) if schema.is_there(connection, self.place) else []
        return next((each for each in held if each.workspace == workspace), None)

    def workspaces(self) -> tuple[str, ...]:
        """Every workspace that was ever used, sorted.

        Raises:
            StateError: it cannot be read, or its schema is not this release's.
        """
        if self.place.is_absent():
            return ()
        with self.place.reading() as connection:
            if not schema.is_there(connection, self.place):
                return ()
            return tuple(connection.scalars(select(workspaces.c.name).order_by(workspaces.c.name)))

    def is_alive(self, held: Lease) -> bool | None:
        """Whether a holder's process still runs; None where that cannot be told from here."""
        return is_alive(held.holder)

    def free(self, held: Lease) -> bool:
        """Take a workspace from its holder; False where it is not his any more."""
        with (
            self.place.writing() as engine,
            self.place.failures_told(),
            engine.begin() as connection,
        ):
            return lease.free(connection, held.workspace, held.fence)


def care_for(url: str, root: Path, clock_now: Callable[[], datetime]) -> StateCare:
    """The state that a project's URL names; a relative file is relative to `root`.

    Raises:
        StateError: the URL is not supported.
    """
    return StateCare(place=locate(url, root), root=root, clock_now=clock_now)
