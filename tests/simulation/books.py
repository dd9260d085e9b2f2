"""What a state database says, read past the product's own code."""

import sqlite3
from collections import defaultdict
from contextlib import closing
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

_UNRESOLVED = ("sending", "ambiguous")


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A recorded job."""

    remote_id: str
    digest: str
    attempt: str | None
    status: str
    is_lost: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A journaled paid request."""

    id: str
    digest: str
    kin: str
    state: str
    made: bool
    has_watermark: bool

    @property
    def is_unresolved(self) -> bool:
        """Whether it may have made a job that nobody knows."""
        return self.state in _UNRESOLVED


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """All of it at one moment."""

    jobs: dict[str, Job] = field(default_factory=dict)  # by remote id
    attempts: dict[str, Attempt] = field(default_factory=dict)
    accounted_usd: Decimal = Decimal(0)  # held and spent
    assets: dict[str, set[str]] = field(default_factory=dict)  # stored videos, by remote id


def read_books(database: Path) -> Books:
    """Read them; where there is no database they are empty."""
    if not database.exists():
        return Books()
    with closing(sqlite3.connect(database)) as connection:
        jobs = connection.execute(
            "SELECT remote_id, digest, attempt_id, status, lost FROM generations"
        ).fetchall()
        attempts = connection.execute(
            "SELECT id, digest, COALESCE(kin, digest), state, COALESCE(made, 0),"
            " watermark IS NOT NULL FROM attempts"
        ).fetchall()
        money = dict(
            connection.execute("SELECT kind, SUM(amount_usd) FROM ledger GROUP BY kind").fetchall()
        )
        stored = connection.execute(
            "SELECT remote_id, sha256 FROM assets"
            " JOIN generations ON generations.id = generation_id WHERE variant = 'video'"
        ).fetchall()
    assets: defaultdict[str, set[str]] = defaultdict(set)
    for remote_id, sha256 in stored:
        assets[remote_id].add(sha256)
    micro = money.get("hold", 0) - money.get("release", 0) + money.get("spend", 0)
    return Books(
        jobs={
            row[0]: Job(
                remote_id=row[0], digest=row[1], attempt=row[2], status=row[3], is_lost=bool(row[4])
            )
            for row in jobs
        },
        attempts={
            row[0]: Attempt(
                id=row[0],
                digest=row[1],
                kin=row[2],
                state=row[3],
                made=bool(row[4]),
                has_watermark=bool(row[5]),
            )
            for row in attempts
        },
        accounted_usd=Decimal(micro) / 1_000_000,
        assets=dict(assets),
    )
