"""The files of an SQLite database: how they come to be, are looked at, copied and replaced.

SQLite takes an empty file for a new database, and then throws the log beside it away. So a
database of ours is never an empty file, not even for a moment: an empty one was cut, and
SQLite must not open it.
"""

import fcntl
import glob
import os
import secrets
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import datetime
from pathlib import Path

from reconciler.domain.errors import DamagedStateError, StateError

_BACKUP = ".bak"
_UNFINISHED = ".part"
_FOLDER_OR_FILE = (FileNotFoundError, NotADirectoryError)


def is_absent(file: Path) -> bool:
    """Whether no database is there, for certain.

    Raises:
        StateError: nobody knows, for it lies behind a link to what is away or may not be
            looked at.
        DamagedStateError: what lies there can be no database.
    """
    try:
        found = file.stat()
    except _FOLDER_OR_FILE as error:
        _refuse_link_to_nowhere(file, error)
        return True
    except OSError as error:
        raise StateError(
            f"the state database `{file}` cannot be looked at: {error.strerror}",
            fix="Make the file and its folders accessible for this user, or run as their owner.",
        ) from error
    if stat.S_ISDIR(found.st_mode):
        raise DamagedStateError(f"the state database `{file}` cannot be opened: it is a folder")
    if found.st_size == 0:
        raise DamagedStateError(f"the state database `{file}` was cut: it is an empty file")
    return False


def make_folder(folder: Path) -> None:
    """Make a folder and those above it that are missing, durably, for this user's eyes only.

    Raises:
        OSError: it cannot be made.
    """
    missing = [each for each in (folder, *folder.parents) if not each.exists()]
    for each in reversed(missing):
        each.mkdir(mode=0o700, exist_ok=True)
        sync_folder(each.parent)


def make_database(file: Path) -> None:
    """Make an empty database, whole at once, unless one is there.

    Raises:
        OSError: the folder cannot be written.
        sqlite3.Error: likewise, or the disk is full.
    """
    if file.exists():
        return
    unborn = unfinished_beside(file)
    try:
        with closing(sqlite3.connect(unborn, isolation_level=None)) as connection:
            connection.execute("PRAGMA fullfsync = ON")
            # Writes the file's first page; on a full disk that fails after the first row only.
            connection.execute("PRAGMA journal_mode = WAL").fetchall()
        with _alone_in(file.parent):
            if not file.exists():
                _set_log_aside(file, f"{file.name}.left-{secrets.token_hex(4)}")
                unborn.rename(file)
                sync_folder(file.parent)
    finally:
        unborn.unlink(missing_ok=True)


def back_up(file: Path, occasion: str, at: datetime) -> Path:
    """Copy what is committed, through SQLite: a plain copy would miss what is in the log.

    The copy is named after `occasion` and the moment, and is whole or not there.

    Raises:
        StateError: it cannot be written.
        sqlite3.Error: the database cannot be read, or the disk is full.
    """
    target = file.with_name(f"{file.name}.{occasion}-{stamp(at)}{_BACKUP}")
    unfinished = unfinished_beside(file)
    try:
        copy_database(file, unfinished)
        unfinished.replace(target)
        sync_folder(target.parent)
    except OSError as error:
        raise StateError(
            f"the backup copy `{target}` cannot be written: {error.strerror}",
            fix="Make room beside the database, and run again. Nothing was changed.",
        ) from error
    finally:
        unfinished.unlink(missing_ok=True)
    return target


def copy_database(file: Path, target: Path) -> None:
    """Copy what is committed into a new file.

    Raises:
        sqlite3.Error: the database cannot be read, or the disk is full.
    """
    with (
        closing(sqlite3.connect(f"{file.absolute().as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(target)) as copy,
    ):
        source.backup(copy)


def backups(file: Path) -> list[Path]:
    """The backup copies beside a database, the newest first."""
    found = file.parent.glob(f"{glob.escape(file.name)}.*{_BACKUP}")
    return sorted(found, key=lambda each: each.stat().st_mtime_ns, reverse=True)


def leftovers(file: Path) -> list[Path]:
    """What killed runs left beside a database, or what was set aside: nobody reads it."""
    name = glob.escape(file.name)
    patterns = (f"{name}.*{_UNFINISHED}*", f"{name}.damaged-*", f"{name}.left-*")
    return sorted(found for pattern in patterns for found in file.parent.glob(pattern))


def put_in_place(whole: Path, file: Path, at: datetime) -> Path:
    """Replace a damaged database by a whole one that is closed, and return where the damaged is.

    Whatever kills it: the damaged one is still there, or an empty file, which nobody opens,
    or the whole one; and never the log of the one beside the other.

    Raises:
        OSError: the folder cannot be written.
    """
    aside = file.with_name(f"{file.name}.damaged-{stamp(at)}-{secrets.token_hex(4)}")
    with _alone_in(file.parent):
        if file.is_dir():
            file.rename(aside)
        else:
            _keep_under(aside, file)
            closed = unfinished_beside(file)
            closed.touch()
            closed.replace(file)
            sync_folder(file.parent)
        _set_log_aside(file, aside.name)
        whole.replace(file)
        sync_folder(file.parent)
    return aside


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable: SQLite syncs its files, but not their folder."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def unfinished_beside(file: Path) -> Path:
    """A new name beside a database, for one that is being made."""
    return file.with_name(f"{file.name}.{secrets.token_hex(8)}{_UNFINISHED}")


def stamp(at: datetime) -> str:
    """A moment as it stands in the names of copies."""
    return f"{at:%Y%m%dT%H%M%S%fZ}"


@contextmanager
def _alone_in(folder: Path) -> Iterator[None]:
    """Keep others from making or replacing a database in this folder meanwhile."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with suppress(OSError):  # a file system without locks cannot hold the state anyway
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _keep_under(aside: Path, file: Path) -> None:
    try:
        os.link(file, aside)
    except OSError:  # a file system without hard links
        file.rename(aside)


def _set_log_aside(file: Path, name: str) -> None:
    """Take a log away that would be read into a database which it is not of."""
    log = file.with_name(f"{file.name}-wal")
    with suppress(FileNotFoundError):
        log.rename(file.with_name(f"{name}-wal"))
    file.with_name(f"{file.name}-shm").unlink(missing_ok=True)


def _refuse_link_to_nowhere(file: Path, error: OSError) -> None:
    for place in (file, *file.parents):
        if place.is_symlink() and not place.exists():
            raise StateError(
                f"the state database `{file}` is away: `{place}` is a link to"
                f" `{place.readlink()}`, which is not there",
                fix="Mount or restore what it points to; or remove the link, to begin anew.",
            ) from error
