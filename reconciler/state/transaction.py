"""One durable step of the holder of a workspace."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Table
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


def insert_once(connection: Connection, table: Table, values: dict[str, Any]) -> None:
    """Insert a row, unless one with its key is there already."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    connection.execute(dialect.insert(table).values(values).on_conflict_do_nothing())
