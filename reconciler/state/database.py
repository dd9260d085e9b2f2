"""The state database's two doors: one for reading, one for a run that holds the workspace."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection

from reconciler.domain.bookings import Booking
from reconciler.domain.errors import StateError
from reconciler.domain.ports import Holder, StateReader, StateWriter
from reconciler.domain.recorded import NOTHING_RECORDED, RecordedRun, RecordedState, RunId
from reconciler.state import lease, runs, schema
from reconciler.state.place import Place, locate
from reconciler.state.reading import read_state
from reconciler.state.spending import counted_of, read_bookings
from reconciler.state.transaction import Transaction
from reconciler.state.writing import Writer


def open_reader(url: str, root: Path, workspace: str) -> StateReader:
    """The state as one workspace sees it. Makes nothing, and never waits for a writer.

    Where there is no database, nothing is recorded. In a workspace that does not exist yet,
    no video is; what the database's other workspaces bought is seen all the same.

    Args:
        url: `project.state`, an SQLAlchemy URL.
        root: the project's folder; a relative SQLite file is relative to it.
        workspace: whose videos are read.

    Raises:
        StateError: the URL is not supported. Reading raises it for a database that cannot
            be read, and for a schema that is not this release's: an older one says that the
            next apply migrates it, a newer one is refused.
    """
    return _Reader(place=locate(url, root), workspace=workspace)


@contextmanager
def open_writer(
    url: str,
    root: Path,
    workspace: str,
    holder: Holder,
    clock_now: Callable[[], datetime],
    new_id: Callable[[], str] = lambda: uuid4().hex,
) -> Iterator[StateWriter]:
    """Hold a workspace for as long as the context lasts, making or migrating at need.

    Args:
        url: `project.state`, an SQLAlchemy URL.
        root: the project's folder; a relative SQLite file is relative to it.
        workspace: what to hold; it exists from now on.
        holder: who this is, as told to others that want it.
        clock_now: the moment, in UTC.
        new_id: names for what is recorded; each is another one, whoever else gives names.

    Raises:
        LockedError: another run holds the workspace.
        StateError: the database cannot be made, migrated or written.
    """
    place = locate(url, root)
    place.make_folder()
    with place.writing() as engine:
        with place.failures_told(), engine.begin() as connection:
            at = clock_now()
            schema.bring_up_to_date(connection, place, at)
            taken = lease.acquire(connection, workspace, holder, at)
        try:
            yield Writer(
                place=place,
                engine=engine,
                workspace=workspace,
                holder=holder,
                fence=taken.fence,
                last_may_live=taken.last_may_live,
                clock_now=clock_now,
                new_id=new_id,
            )
        finally:
            # A lease that cannot be given back frees itself; what ended the run tells more.
            with (
                suppress(StateError),
                place.failures_told(),
                engine.begin() as connection,
            ):
                lease.release(
                    Transaction(
                        connection=connection,
                        workspace=workspace,
                        fence=taken.fence,
                        at=clock_now(),
                        new_id=new_id,
                    )
                )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reader:
    place: Place
    workspace: str

    def read(self) -> RecordedState:
        with self._connection() as connection:
            if connection is None:
                return NOTHING_RECORDED
            return read_state(connection, self.workspace)

    def run_of(self, plan_id: str) -> RecordedRun | None:
        with self._connection() as connection:
            return None if connection is None else runs.of_plan(connection, plan_id)

    def bookings(self, since: datetime | None = None) -> tuple[Booking, ...]:
        with self._connection() as connection:
            return () if connection is None else read_bookings(connection, since)

    def counted_of(self, runs: Collection[RunId]) -> Mapping[RunId, Decimal]:
        with self._connection() as connection:
            return {} if connection is None else counted_of(connection, runs)

    @contextmanager
    def _connection(self) -> Iterator[Connection | None]:
        """A look at the tables; None where nothing was ever recorded."""
        if self.place.is_absent():
            yield None
            return
        with self.place.reading() as connection:
            yield connection if schema.is_there(connection, self.place) else None
