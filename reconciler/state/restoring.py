"""Taking back an export or a backup copy: all of it or nothing, whatever kills it.

What the database held goes, and is kept in a copy beside. The restored one is another
database: plans that were saved of the old one do not hold in it.
"""

import tempfile
from datetime import datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Connection, Table, delete, func, insert, literal, select, text, update
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from reconciler.domain.errors import DamagedStateError, StateError
from reconciler.state import checking, lease, schema, sqlite_files, tables
from reconciler.state.export import EXPORTED, Export, Row, export_from, read_export, write_export
from reconciler.state.place import Place, in_file

_SQLITE_MAGIC = b"SQLite format 3\0"


def read_back(file: Path, at: datetime) -> Export:
    """Read an export, or a copy of an SQLite database, of this schema or an older one.

    Raises:
        StateError: it cannot be read, is damaged (and where), or is of a newer release.
    """
    try:
        data = file.read_bytes()
        log = file.with_name(f"{file.name}-wal")
        logged = log.read_bytes() if log.exists() else b""
    except OSError as error:
        raise StateError(
            f"`{file}` cannot be read: {error.strerror}",
            fix="name an export, or a backup copy of the database.",
        ) from error
    if not data.startswith(_SQLITE_MAGIC):
        return export_from(data, f"`{file}`")
    with tempfile.TemporaryDirectory() as folder:
        # In a copy, since reading an older one means migrating it first.
        copy = Path(folder) / file.name
        copy.write_bytes(data)
        copy.with_name(log.name).write_bytes(logged)
        try:
            return _of_copy(in_file(copy), at)
        except StateError as error:
            message = error.message.replace(str(copy), str(file))
            raise StateError(message, fix="Name another copy. Nothing was changed.") from error


def restore(place: Place, root: Path, export: Export, at: datetime) -> Path | None:
    """Put an export in the place of all that the database holds.

    Returns:
        Where a copy of what it held is kept; None where it held nothing.

    Raises:
        LockedError: a run that may be alive holds a workspace; nothing was changed.
        StateError: the export contradicts itself, and where; or the database cannot be
            written. Nothing was changed.
    """
    if place.file is not None and _is_damaged(place):
        return _instead(place, place.file.resolve(), export, at)
    return _within(place, root, export, at)


def _of_copy(copy: Place, at: datetime) -> Export:
    with copy.writing() as engine, copy.failures_told(), engine.begin() as connection:
        if schema.is_blank(connection):
            raise DamagedStateError(f"{copy} holds nothing of sorafile's")
        schema.bring_up_to_date(connection, copy, at)
        return read_export(connection)


def _is_damaged(place: Place) -> bool:
    """Whether nothing can be relied upon any more; found by reading alone.

    Opened for writing, SQLite would throw away what it cannot make sense of.
    """
    try:
        if place.is_absent():
            return False
        with place.reading() as connection:
            if checking.unsound(connection):
                return True
            if schema.is_there(connection, place):
                read_export(connection)
    except DamagedStateError:
        return True
    return False


def _within(place: Place, root: Path, export: Export, at: datetime) -> Path | None:
    """Replace the rows in one transaction."""
    place.make_folder()
    with place.writing() as engine, place.failures_told(), engine.begin() as connection:
        schema.bring_up_to_date(connection, place, at)
        _refuse_held(connection, at)
        before = read_export(connection)
        kept = None if before.is_empty else keep(place, root, before, "before-restore", at)
        _put(connection, export)
        return kept


def _instead(place: Place, file: Path, export: Export, at: datetime) -> Path:
    """Make another database beside a damaged one, and put it in its place."""
    try:
        place.is_absent()  # SQLite must not open an empty file: it would delete the log beside
        with place.reading() as connection:
            _refuse_held(connection, at)
    except DamagedStateError:
        pass  # who holds it cannot be read any more, and nobody can write it
    whole = sqlite_files.unfinished_beside(file)
    made = in_file(whole)
    try:
        with made.writing() as engine, made.failures_told(), engine.begin() as connection:
            schema.bring_up_to_date(connection, made, at)
            _put(connection, export)
        return sqlite_files.put_in_place(whole, file, at)
    except OSError as error:
        raise StateError(
            f"{place} cannot be replaced: {error.strerror}",
            fix="Make its folder writable for this user, and run again.",
        ) from error
    finally:
        for left in (whole, *file.parent.glob(f"{whole.name}-*")):
            left.unlink(missing_ok=True)


def _refuse_held(connection: Connection, at: datetime) -> None:
    if connection.dialect.name == "postgresql":
        # Elsewhere, the transaction keeps every other writer out already.
        connection.execute(text("LOCK TABLE leases IN ACCESS EXCLUSIVE MODE"))
    for each in lease.held(connection):
        lease.refuse_if_alive(each, at)


def keep(place: Place, root: Path, before: Export, occasion: str, at: datetime) -> Path:
    """Keep a copy of what is recorded, named after `occasion`, and tell where.

    Raises:
        StateError: it cannot be written.
    """
    if place.file is not None:
        return sqlite_files.back_up(place.file, occasion, at)
    target = root / "state" / f"sorafile.{occasion}-{sqlite_files.stamp(at)}.json"
    try:
        sqlite_files.make_folder(target.parent)
    except OSError as error:
        raise StateError(
            f"the folder of the backup copy `{target}` cannot be made: {error.strerror}",
            fix="Make it yourself, and run again. Nothing was changed.",
        ) from error
    write_export(before, target)
    return target


def _put(connection: Connection, export: Export) -> None:
    """Replace all rows, and raise every fence: who held anything before can write nothing."""
    attempts = export.rows.get(tables.attempts.name, ())
    fence = max([lease.highest_fence(connection), *(row["fence"] for row in attempts)])
    for table in reversed(tables.metadata.sorted_tables):
        connection.execute(delete(table))
    for table, kept in EXPORTED.items():
        for number, row in enumerate(export.rows.get(table.name, ())):
            _insert(connection, kept, row, f"tables.{table.name}[{number}]")
        _count_on(connection, table)
    renamed = update(tables.meta).values(database_id=str(uuid4()))
    if connection.execute(renamed).rowcount == 0:
        raise _contradiction("tables.meta", "it has no row")
    if fence:
        workspaces = select(tables.workspaces.c.name, literal(fence))
        connection.execute(insert(tables.leases).from_select(["workspace", "fence"], workspaces))


def _insert(connection: Connection, table: Table, row: Row, where: str) -> None:
    try:
        connection.execute(insert(table).values(**row))
    except (DataError, IntegrityError, OverflowError) as error:
        reason = str(error.orig if isinstance(error, DBAPIError) else error)
        raise _contradiction(where, reason.splitlines()[0]) from error


def _contradiction(where: str, reason: str) -> StateError:
    return StateError(
        f"the export contradicts itself, at {where}: {reason}",
        fix="Take another export, or a backup copy of the database. Nothing was changed.",
    )


def _count_on(connection: Connection, table: Table) -> None:
    """Let numbers that a server gives to new rows go on after the highest one."""
    column = table.autoincrement_column
    if connection.dialect.name != "postgresql" or column is None:
        return
    sequence = func.pg_get_serial_sequence(table.name, column.name)
    highest = connection.execute(select(func.max(column))).scalar()
    if highest is not None:
        connection.execute(select(func.setval(sequence, highest)))
