"""The rows of jobs, in one SQLite file that any number of servers share."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from reconciler.preview.jobs import ASSETS_LAST_S, Job, Operation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_SCHEMA = """
CREATE TABLE IF NOT EXISTS jobs (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    video_id TEXT NOT NULL UNIQUE,
    prompt TEXT NOT NULL,
    model TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    size TEXT NOT NULL,
    hue INTEGER NOT NULL,
    has_reference INTEGER NOT NULL,
    remixed_from TEXT,
    created_at REAL NOT NULL,
    pace_s REAL NOT NULL,
    bound_to_fail TEXT,
    rendered_at REAL,
    render_failed_at REAL
)
"""
_LEDGER = """
CREATE TABLE ledger (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    at REAL NOT NULL,
    video_id TEXT NOT NULL,
    operation TEXT NOT NULL,
    model TEXT NOT NULL,
    size TEXT NOT NULL,
    seconds INTEGER NOT NULL,
    prompt TEXT NOT NULL,
    usd TEXT NOT NULL
)
"""
# What brings a database from each version to the next.
_MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (_SCHEMA,),
    (
        "ALTER TABLE jobs ADD COLUMN operation TEXT NOT NULL DEFAULT 'create'",
        f"ALTER TABLE jobs ADD COLUMN assets_last_s REAL NOT NULL DEFAULT {ASSETS_LAST_S}",
        "ALTER TABLE jobs ADD COLUMN free_from REAL NOT NULL DEFAULT 0",
        "ALTER TABLE jobs ADD COLUMN stuck_at INTEGER",
        "ALTER TABLE jobs ADD COLUMN listed_from REAL NOT NULL DEFAULT 0",
        "ALTER TABLE jobs ADD COLUMN lost_from REAL",
        "ALTER TABLE jobs ADD COLUMN idempotency_key TEXT",
        "ALTER TABLE jobs ADD COLUMN fingerprint TEXT",
        "CREATE UNIQUE INDEX one_job_a_key ON jobs (idempotency_key)",
        _LEDGER,
    ),
    ("ALTER TABLE jobs ADD COLUMN family TEXT NOT NULL DEFAULT ''",),
)
_RECENT_PER_SLOT = 8
_BUSY_S = 10.0  # how long to wait for another server's write


class SchemaError(Exception):
    """The database was written by a newer version of this program; nothing was changed."""


class KeyReusedError(Exception):
    """An idempotency key came again, with another request; nothing was stored."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What one job would have cost. It outlives its job."""

    at: float  # unix seconds
    video_id: str
    operation: str
    model: str
    size: str
    seconds: int  # that were newly made
    prompt: str
    usd: str


class Store:
    """All jobs. Safe for several threads, and for several processes on one file."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        self._db = sqlite3.connect(
            path, timeout=_BUSY_S, isolation_level=None, check_same_thread=False
        )
        self._db.row_factory = sqlite3.Row
        self._turn_on_wal()
        # A power cut may lose the last jobs, but never the file.
        self._db.execute("PRAGMA synchronous = NORMAL")
        try:
            self._migrate(path)
        except BaseException:
            self._db.close()
            raise

    def _migrate(self, path: Path) -> None:
        with self._transaction():
            (version,) = self._db.execute("PRAGMA user_version").fetchone()
            if version > len(_MIGRATIONS):
                raise SchemaError(f"{path} was written by a newer version of the preview server")
            for statements in _MIGRATIONS[version:]:
                for statement in statements:
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {len(_MIGRATIONS)}")

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        with self._lock:
            self._db.close()

    def add(self, job: Job, bill: Bill | None = None, *, slots: int | None = None) -> Job:
        """Store a new job with its bill, and return it with its sequence number.

        With `slots`, no more than so many run at once. A job that was made before under the
        same idempotency key is returned instead.

        Raises:
            KeyReusedError: that one was made by another request.
        """
        with self._transaction():
            made = self._under_key(job)
            if made is not None:
                return made
            if slots is not None:
                job = dataclasses.replace(job, free_from=self._slot_free_from(slots))
            sequence = self._insert("jobs", _without_sequence(job))
            if bill is not None:
                self._insert("ledger", dataclasses.asdict(bill))
        return dataclasses.replace(job, sequence=sequence)

    def _under_key(self, job: Job) -> Job | None:
        if job.idempotency_key is None:
            return None
        found = self._db.execute(
            "SELECT * FROM jobs WHERE idempotency_key = ?", (job.idempotency_key,)
        ).fetchone()
        made = None if found is None else _job(found)
        if made is not None and made.fingerprint != job.fingerprint:
            raise KeyReusedError
        return made

    def _slot_free_from(self, slots: int) -> float:
        """When fewer than so many jobs are under way; those that are stuck take no slot."""
        # The newest end last, give or take a few that are longer.
        recent = "SELECT * FROM jobs WHERE stuck_at IS NULL ORDER BY sequence DESC LIMIT ?"
        rows = self._db.execute(recent, (_RECENT_PER_SLOT * slots,)).fetchall()
        due = sorted((_job(row).due_at for row in rows), reverse=True)
        return due[slots - 1] if len(due) >= slots else 0.0

    def _insert(self, table: str, values: dict[str, Any]) -> int:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        insert = f"INSERT INTO {table} ({names}) VALUES ({marks}) RETURNING sequence"  # noqa: S608 - names are fields of ours, values are bound
        ((sequence,),) = self._db.execute(insert, tuple(values.values())).fetchall()
        return int(sequence)

    def bills(self) -> list[Bill]:
        """Return what all jobs ever made would have cost, in the order of creation."""
        rows = self._run("SELECT * FROM ledger ORDER BY sequence")
        names = [each.name for each in dataclasses.fields(Bill)]
        return [Bill(**{name: row[name] for name in names}) for row in rows]

    def get(self, video_id: str) -> Job | None:
        """Return one job, or None if there is none (any more)."""
        rows = self._run("SELECT * FROM jobs WHERE video_id = ?", video_id)
        return _job(rows[0]) if rows else None

    def page(self, *, after: Job | None, newest_first: bool, limit: int, now: float) -> list[Job]:
        """Return up to `limit` jobs in the order of creation or its reverse, as lists show them."""
        shown = "listed_from <= ? AND (lost_from IS NULL OR lost_from > ?)"
        if newest_first:
            beyond, order = "sequence < ?", "DESC"
            border = after.sequence if after else 2**63 - 1
        else:
            beyond, order = "sequence > ?", "ASC"
            border = after.sequence if after else 0
        query = (
            f"SELECT * FROM jobs WHERE {shown} AND {beyond}"  # noqa: S608 - all of it is ours
            f" ORDER BY sequence {order} LIMIT ?"
        )
        return [_job(row) for row in self._run(query, now, now, border, limit)]

    def mark_rendered(self, video_id: str, at: float) -> None:
        """Note that the video file is there. What was noted first stays."""
        self._settle("rendered_at", video_id, at)

    def mark_render_failed(self, video_id: str, at: float) -> None:
        """Note that no video file can be made. What was noted first stays."""
        self._settle("render_failed_at", video_id, at)

    def _settle(self, column: str, video_id: str, at: float) -> None:
        # Two servers may render one job; `completed_at` must not change under a client.
        self._run(
            f"UPDATE jobs SET {column} = ? WHERE video_id = ?"  # noqa: S608 - two fixed names
            " AND rendered_at IS NULL AND render_failed_at IS NULL",
            at,
            video_id,
        )

    def remove(self, video_id: str) -> bool:
        """Forget one job; tell whether it was there."""
        removed = self._run("DELETE FROM jobs WHERE video_id = ? RETURNING sequence", video_id)
        return bool(removed)

    def _run(self, statement: str, *values: Any) -> list[sqlite3.Row]:
        with self._lock:
            return self._db.execute(statement, values).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Let no other thread or server write meanwhile."""
        with self._lock:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield
            except BaseException:
                self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")

    def _turn_on_wal(self) -> None:
        # SQLite does not wait for others on this one statement, although it locks: servers
        # that start together on a new folder would fail.
        deadline = time.monotonic() + _BUSY_S
        while True:
            try:
                self._db.execute("PRAGMA journal_mode = WAL")
            except sqlite3.OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.01)
            else:
                return


def _job(row: sqlite3.Row) -> Job:
    values = {name: row[name] for name in row.keys()}  # noqa: SIM118 - a Row iterates its values
    plain = {
        "has_reference": bool(row["has_reference"]),
        "operation": Operation(row["operation"]),
    }
    return Job(**values | plain)


def _without_sequence(job: Job) -> dict[str, Any]:
    values = dataclasses.asdict(job)
    del values["sequence"]
    return values
