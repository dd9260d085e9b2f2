"""The rows of jobs, in one SQLite file that any number of servers share."""

from __future__ import annotations

import dataclasses
import sqlite3
import threading
import time
from typing import TYPE_CHECKING, Any

from reconciler.preview.jobs import Job

if TYPE_CHECKING:
    from pathlib import Path

_SCHEMA_VERSION = 1
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
_BUSY_S = 10.0  # how long to wait for another server's write


class SchemaError(Exception):
    """The database was written by a newer version of this program; nothing was changed."""


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
        (version,) = self._db.execute("PRAGMA user_version").fetchone()
        if version > _SCHEMA_VERSION:
            self._db.close()
            raise SchemaError(f"{path} was written by a newer version of the preview server")
        if version < _SCHEMA_VERSION:
            self._db.execute(_SCHEMA)
            self._db.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")

    def close(self) -> None:
        """Close the file; the store is of no use afterwards."""
        with self._lock:
            self._db.close()

    def add(self, job: Job) -> Job:
        """Store a new job and return it with its sequence number."""
        values = dataclasses.asdict(job)
        del values["sequence"]
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        # The names are the fields of Job; only the values come from outside.
        insert = f"INSERT INTO jobs ({names}) VALUES ({marks}) RETURNING sequence"  # noqa: S608
        ((sequence,),) = self._run(insert, *values.values())
        return dataclasses.replace(job, sequence=sequence)

    def get(self, video_id: str) -> Job | None:
        """Return one job, or None if there is none (any more)."""
        rows = self._run("SELECT * FROM jobs WHERE video_id = ?", video_id)
        return _job(rows[0]) if rows else None

    def page(self, *, after: Job | None, newest_first: bool, limit: int) -> list[Job]:
        """Return up to `limit` jobs in the order of creation or its reverse."""
        if newest_first:
            query = "SELECT * FROM jobs WHERE sequence < ? ORDER BY sequence DESC LIMIT ?"
            border = after.sequence if after else 2**63 - 1
        else:
            query = "SELECT * FROM jobs WHERE sequence > ? ORDER BY sequence LIMIT ?"
            border = after.sequence if after else 0
        return [_job(row) for row in self._run(query, border, limit)]

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
    return Job(**values | {"has_reference": bool(row["has_reference"])})
