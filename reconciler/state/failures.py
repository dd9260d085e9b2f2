"""Failures of the database, told in the words of the program."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, IntegrityError, NoResultFound, SQLAlchemyError

from reconciler.domain.errors import DamagedStateError, StateError

_DAMAGED = "is damaged, or not a database of sorafile"
_DAMAGE_CODES = frozenset(
    {
        sqlite3.SQLITE_NOTADB,
        sqlite3.SQLITE_CORRUPT,
        sqlite3.SQLITE_FORMAT,
        sqlite3.SQLITE_ERROR,  # statements are fixed: the tables are not what they were
    }
)
_UNDECODED = "Could not decode to UTF-8"  # it has no code
_NO_ROOM = (
    "cannot grow: the disk is full",
    "Make room, and run again. What was recorded until now is safe.",
)
_TOLD = {
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
    sqlite3.SQLITE_FULL: _NO_ROOM,
    sqlite3.SQLITE_IOERR_SHMSIZE: _NO_ROOM,  # of the index of its log, which readers need too
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


class BadRowsError(Exception):
    """Rows hold what no release of sorafile writes."""


@contextmanager
def translated(what: str) -> Iterator[None]:
    """Turn failures of the database `what` into `StateError`s, the original as their cause."""
    try:
        yield
    except (BadRowsError, SQLAlchemyError, UnicodeDecodeError, sqlite3.Error) as error:
        raise _told(what, error) from error


@contextmanager
def decoding() -> Iterator[None]:
    """Turn what no value can be made of into a `BadRowsError`."""
    try:
        yield
    except (ArithmeticError, LookupError, TypeError, ValueError, NoResultFound) as error:
        raise BadRowsError(f"it holds what no release writes ({_first_line(error)})") from error


def _told(what: str, error: Exception) -> StateError:
    original = error.orig if isinstance(error, DBAPIError) and error.orig else error
    code = getattr(original, "sqlite_errorcode", None)
    primary = None if code is None else code & _PRIMARY_CODE
    reason = _first_line(original)
    is_damage = isinstance(error, BadRowsError | UnicodeDecodeError) or primary in _DAMAGE_CODES
    if is_damage or reason.startswith(_UNDECODED):
        return DamagedStateError(f"{what} {_DAMAGED}: {reason}")
    known = next((each for each in (code, primary) if each in _TOLD), None)
    if known is not None:
        problem, fix = _TOLD[known]
        return StateError(f"{what} {problem}", fix=fix)
    if isinstance(error, IntegrityError):
        return StateError(
            f"{what} refuses what contradicts it, and nothing was written: {reason}",
            fix="This is a mistake in sorafile; report it with this message.",
        )
    return StateError(
        f"{what} cannot be used: {reason}",
        fix="Look whether it can be reached, and by this user; then run again.",
    )


def _first_line(error: BaseException) -> str:
    # The first line is the database's own; what follows may show statements and their values.
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
