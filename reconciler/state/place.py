"""Where the state database is, and connections to it."""

import os
import shlex
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, NullPool, QueuePool, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError

from reconciler.domain.errors import DamagedStateError, StateError
from reconciler.state import sqlite_files
from reconciler.state.failures import translated

_SUPPORTED = (
    "Write `sqlite:///state/sorafile.db` (three slashes, relative to the project),"
    " `sqlite:////absolute/path.db`, or `postgresql+psycopg://user@host/database`."
)
# Other writers hold the lock for milliseconds, a backup for seconds; and a lease must be kept
# alive more often than every 30 s, so waiting longer than this would lose it.
_BUSY_WAIT_S = 10.0
_BUSY_STEP_S = 0.02

_IDENTITY = "sorafile file identity"

# A run reads the state often, and putting a statement into SQL costs more than executing it.
_ENGINES_MAX = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A database by its URL; `file` is set where it is SQLite's."""

    url: URL
    file: Path | None

    def __str__(self) -> str:
        shown = str(self.file) if self.file else self.url.render_as_string(hide_password=True)
        return f"the state database `{shown}`"

    def is_absent(self) -> bool:
        """Whether nothing is there for certain; a server is never absent, at most away.

        Raises:
            StateError: nobody knows, or what is there can be no database.
        """
        if self.file is None:
            return False
        with self.failures_told():
            return sqlite_files.is_absent(self.file)

    def make_folder(self) -> None:
        """Make the folders that are missing, for this user's eyes only.

        Raises:
            StateError: they cannot be made, or what is there can be no database.
        """
        if self.file is None or not self.is_absent():
            return
        try:
            sqlite_files.make_folder(self.file.parent)
        except OSError as error:
            raise StateError(
                f"the folder of {self} cannot be made: {error.strerror}",
                fix="Make it yourself, or name another place as `project.state`.",
            ) from error

    @contextmanager
    def failures_told(self) -> Iterator[None]:
        """Turn the database's failures into `StateError`s that name it, and the ways out."""
        try:
            with translated(str(self)):
                yield
        except DamagedStateError as error:
            raise DamagedStateError(error.message, fix=self.ways_out()) from error

    def ways_out(self) -> str:
        """What to do about a damaged one."""
        if self.file is None:
            return (
                "Restore a backup of the server's, or an export: `sorafile state restore FILE`."
                " What the asset store holds is recorded again from its sidecars, free of charge."
            )
        found = sqlite_files.backups(self.file)
        beside = f"; the newest copy beside it is {shlex.quote(str(found[0]))}" if found else ""
        return (
            "Take back an export or a backup copy: `sorafile state restore FILE` keeps the damaged"
            f" file{beside}. With neither, move {self.file.name} and {self.file.name}-wal away:"
            " what the asset store holds is recorded again from its sidecars, free of charge, and"
            " `sorafile remote list` shows the jobs that were still running."
        )

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One connection that sees one moment, changes nothing and waits for nobody.

        Raises:
            StateError: the database cannot be read.
        """
        with self.failures_told():
            engine = _sqlite_for_reading(self.file) if self.file else _postgres_for_reading(self)
            with engine.begin() as connection:
                yield connection

    @contextmanager
    def writing(self) -> Iterator[Engine]:
        """An engine whose every transaction is durable, and alone in writing.

        A database that is absent is made, empty.

        Raises:
            StateError: the database cannot be made or opened.
        """
        with self.failures_told():
            if self.file is not None and self.is_absent():
                self._make(self.file)
            engine = _sqlite_for_writing(self.file) if self.file else _postgres_for_writing(self)
            engine.dispose()  # of an earlier opening's connections: its file may be gone by now
        try:
            yield engine
        finally:
            engine.dispose()

    def _make(self, file: Path) -> None:
        try:
            sqlite_files.make_database(file)
        except OSError as error:
            raise StateError(
                f"{self} cannot be made: {error.strerror}",
                fix="Make its folder writable for this user, or make room on its disk.",
            ) from error


def in_file(file: Path) -> Place:
    """The place of a database of which only the file is known."""
    return Place(url=URL.create("sqlite", database=str(file)), file=file)


def locate(url: str, root: Path) -> Place:
    """The place that a project's `state` names; a relative file is relative to `root`.

    Raises:
        StateError: the URL names no database that is supported.
    """
    try:
        parsed = make_url(url)
    except ArgumentError as error:
        # The text is not repeated: an URL may hold a password.
        raise StateError("`project.state` is no URL of a database", fix=_SUPPORTED) from error
    match parsed.drivername:
        case "sqlite" | "sqlite+pysqlite":
            return Place(url=parsed, file=root / _sqlite_path(parsed))
        case "postgresql" | "postgresql+psycopg":
            return Place(url=parsed.set(drivername="postgresql+psycopg"), file=None)
        case other:
            raise StateError(f"a state database of kind `{other}` is not supported", fix=_SUPPORTED)


def _sqlite_path(url: URL) -> str:
    path = url.database or ""
    is_plain = path and path != ":memory:" and not path.startswith("file:")
    if url.host or url.query or not is_plain:
        # A state in memory would forget what was paid for, and `file:` could switch off the
        # locks and the syncing that the journal rests on.
        raise StateError(
            f"`{url.render_as_string(hide_password=True)}` names no file that can hold the state",
            fix=_SUPPORTED,
        )
    return path


@lru_cache(maxsize=_ENGINES_MAX)
def _sqlite(file: Path, mode: str, *, settings: tuple[str, ...], begin: str, pool: type) -> Engine:
    """The one engine of this process for a file and a use; it keeps the statements' SQL ready."""

    def connect() -> sqlite3.Connection:
        # Without an isolation level, the driver begins no transaction of its own: when one
        # begins, and how, is said below.
        return sqlite3.connect(
            f"{file.absolute().as_uri()}?mode={mode}",
            uri=True,
            timeout=_BUSY_WAIT_S,
            isolation_level=None,
            check_same_thread=False,
        )

    engine = create_engine("sqlite://", creator=connect, poolclass=pool, hide_parameters=True)
    event.listen(engine, "connect", _setting(settings))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql(begin))
    return engine


def _in_its_place(engine: Engine, file: Path) -> None:
    """Let nothing be written to a file that is no longer where everybody looks for it.

    Who deleted or replaced it made another database: its writers know nothing of this one's
    lease and journal, and would buy what is being bought here.
    """

    def remember(_connection: Any, record: Any) -> None:
        record.info[_IDENTITY] = _identity(file)

    def compare(connection: Connection) -> None:
        if connection.info[_IDENTITY] is None or connection.info[_IDENTITY] != _identity(file):
            raise StateError(
                f"the state database `{file}` was deleted, moved or replaced while this run had it"
                " open",
                fix="Put the file back if you have it; else `sorafile remote list` shows what was"
                " made meanwhile, and `sorafile import` takes it.",
            )

    event.listen(engine, "connect", remember)
    event.listen(engine, "begin", compare)


def _identity(file: Path) -> tuple[int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _setting(statements: tuple[str, ...]) -> Callable[[Any, Any], None]:
    def set_up(connection: Any, _record: Any) -> None:
        cursor = connection.cursor()
        for statement in statements:
            _execute_patiently(cursor, statement)
        cursor.close()
        connection.commit()

    return set_up


def _execute_patiently(cursor: Any, statement: str) -> None:
    """Execute a setting, waiting as long for a lock as any transaction would.

    SQLite does not wait by itself where a new file is switched to its log: two first runs at
    the same moment would find it locked, though each needs it for a moment only.
    """
    for _ in range(int(_BUSY_WAIT_S / _BUSY_STEP_S)):
        try:
            cursor.execute(statement)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(_BUSY_STEP_S)
        else:
            return
    cursor.execute(statement)


def _sqlite_for_reading(file: Path) -> Engine:
    mode = "ro"
    has_log = file.with_name(f"{file.name}-wal").exists()
    if not has_log and not os.access(file.parent, os.W_OK):
        # SQLite reads with its log beside the file, and here can make none. Without a log the
        # file is all there is; and who may not write can only look, never apply what he saw.
        mode = "ro&immutable=1"
    return _sqlite(file, mode, settings=("PRAGMA query_only = ON",), begin="BEGIN", pool=NullPool)


@lru_cache(maxsize=_ENGINES_MAX)
def _sqlite_for_writing(file: Path) -> Engine:
    engine = _sqlite(
        file,
        "rw",
        settings=(
            "PRAGMA journal_mode = WAL",  # readers see the last commit, and wait for nobody
            "PRAGMA synchronous = FULL",  # NORMAL loses the last commits with the power
            "PRAGMA fullfsync = ON",  # macOS: fsync alone stops in the drive's cache
            "PRAGMA foreign_keys = ON",
        ),
        # A transaction that reads first and writes later may find that another wrote in
        # between, and cannot wait for it then. So the lock is taken at the beginning.
        begin="BEGIN IMMEDIATE",
        pool=QueuePool,
    )
    _in_its_place(engine, file)
    return engine


def _postgres(place: Place, **options: Any) -> Engine:
    try:
        return create_engine(place.url, hide_parameters=True, **options)
    except ModuleNotFoundError as error:
        raise StateError(
            "a state on PostgreSQL needs the package psycopg, which is not installed",
            fix='Install it beside sorafile: `pip install "psycopg[binary]"`.',
        ) from error


def _postgres_for_reading(place: Place) -> Engine:
    # Several statements must see one moment.
    return _postgres(place, poolclass=NullPool, isolation_level="REPEATABLE READ")


def _postgres_for_writing(place: Place) -> Engine:
    engine = _postgres(place, pool_pre_ping=True)
    # A server may be set to answer before a commit is on its disk.
    event.listen(engine, "connect", _setting(("SET synchronous_commit = on",)))
    return engine
