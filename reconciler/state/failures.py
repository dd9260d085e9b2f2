"""Failures of the database, told in the words of the program."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, SQLAlchemyError

from reconciler.domain.errors import StateError

_BROKEN = (
    "is damaged, or not a database of sorafile",
    (
        "Put a backup in its place. Without one, move the file away: what the asset store holds"
        " is recorded again from its sidecars, and nothing of it is bought twice."
    ),
)
_TOLD = {
    sqlite3.SQLITE_NOTADB: _BROKEN,
    sqlite3.SQLITE_CORRUPT: _BROKEN,
    sqlite3.SQLITE_FORMAT: _BROKEN,
    sqlite3.SQLITE_BUSY: (
        "has been locked by another program for too long",
        "Close what holds it open (a backup, a database browser), and run again.",
    ),
    sqlite3.SQLITE_LOCKED: (
        "has been locked by another program for too long",
        "Close what holds it open (a backup, a database browser), and run again.",
    ),
    sqlite3.SQLITE_READONLY: (
        "cannot be written",
        "Make the file and its folder writable for this user, or run as its owner.",
    ),
    sqlite3.SQLITE_PERM: (
        "cannot be opened",
        "Make the file and its folder accessible for this user, or run as its owner.",
    ),
    sqlite3.SQLITE_CANTOPEN: (
        "cannot be opened",
        "Make the file and its folder accessible for this user, or run as its owner.",
    ),
    sqlite3.SQLITE_FULL: (
        "cannot grow: the disk is full",
        "Make room, and run again. What was recorded until now is safe.",
    ),
    sqlite3.SQLITE_IOERR: (
        "cannot be read or written: the disk or its file system refuses",
        (
            "Look at the disk and its quota, and run again. A network folder cannot hold the"
            " state: use a local one, or PostgreSQL."
        ),
    ),
    sqlite3.SQLITE_PROTOCOL: (
        "cannot be locked: its file system does not do what SQLite needs",
        "Put the state on a local disk, or use PostgreSQL.",
    ),
}
_PRIMARY_CODE = 0xFF  # the rest of SQLite's code tells details


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn failures of the database `what` into `StateError`s, the original as their cause."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise _told(what, error) from error


def _told(what: str, error: Exception) -> StateError:
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", None)
    if code is not None and (code & _PRIMARY_CODE) in _TOLD:
        problem, fix = _TOLD[code & _PRIMARY_CODE]
        return StateError(f"{what} {problem}", fix=fix)
    # The first line is the database's own; what follows may show statements and their values.
    reason = (str(original).strip().splitlines() or [type(original).__name__])[0]
    if isinstance(error, IntegrityError):
        return StateError(
            f"{what} refuses what contradicts it, and nothing was written: {reason}",
            fix="This is a mistake in sorafile; report it with this message.",
        )
    return StateError(
        f"{what} cannot be used: {reason}",
        fix="Look whether it can be reached, and by this user; then run again.",
    )
