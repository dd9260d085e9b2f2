"""One durable step of the holder of a workspace."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table, text
from sqlalchemy.dialects import postgresql, sqlite


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """What is written in one transaction: by whom, and when.

    Whoever holds one has the lease until the transaction ends.
    """

    connection: Connection
    workspace: str
    fence: int
    at: datetime
    new_id: Callable[[], str]  # a name that nothing else has, in this database or another


def alone(transaction: Transaction, what: str) -> None:
    """Let nobody else of this database pass here before the transaction ends.

    SQLite has one writer at a time anyway; PostgreSQL takes a lock of that name.
    """
    if transaction.connection.dialect.name == "postgresql":
        transaction.connection.execute(
            text("SELECT pg_advisory_xact_lock(hashtext(:what))"), {"what": f"sorafile {what}"}
        )


def insert_once(connection: Connection, table: Table, values: dict[str, Any]) -> None:
    """Insert a row, unless one with its key is there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(values).on_conflict_do_nothing())
