"""The schema's version: what may be read as it is, and what is migrated first.

Alembic is imported only where something is to be migrated: it takes longer to import than a
whole plan takes to make.
"""

from datetime import datetime
from uuid import uuid4

from sqlalchemy import Column, Connection, MetaData, Table, Text, insert, inspect, select, text

from reconciler.domain.errors import StateError
from reconciler.state import tables
from reconciler.state.place import Place
from reconciler.state.sqlite_files import back_up

SCHEMA = "0003"
"""The newest migration; revisions are numbers of four digits, so that they compare."""

VERSION_TABLE = "schema_version"
MIGRATIONS = "reconciler.state:migrations"

_version = Table(VERSION_TABLE, MetaData(), Column("version_num", Text))
_MIGRATION_LOCK = 0x50F4F11E  # any number that nobody else takes in this database


def is_there(connection: Connection, place: Place) -> bool:
    """Whether there is something to read; False where nothing was ever recorded.

    Raises:
        StateError: the schema is not of this release, or the tables are another program's.
    """
    version = _recorded_version(connection)
    if version is None:
        _refuse_foreign(inspect(connection).get_table_names(), place)
        return False
    if version < SCHEMA:
        raise StateError(
            f"{place} was written by an older release (schema {version}, this one has {SCHEMA})",
            fix="Run `sorafile apply`: it migrates the database, after a backup copy.",
        )
    _refuse_newer(version, place)
    return True


def is_blank(connection: Connection) -> bool:
    """Whether no release of sorafile has made its tables here."""
    return _recorded_version(connection) is None


def bring_up_to_date(connection: Connection, place: Place, at: datetime) -> None:
    """Make the tables, or migrate them forward, after a backup copy of an SQLite file.

    Happens within the caller's transaction: whole or not at all.

    Raises:
        StateError: the schema is of a newer release, or the tables are another program's.
    """
    version = _recorded_version(connection)
    if version == SCHEMA:
        return
    if connection.dialect.name == "postgresql":
        # There, two first runs would both begin to make the tables.
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _MIGRATION_LOCK})
        version = _recorded_version(connection)
    _refuse_newer(version or "", place)
    present = inspect(connection).get_table_names()
    _refuse_foreign(present, place)
    if present and place.file is not None:
        back_up(place.file, f"schema-{version or '0000'}", at)
    _migrate(connection)
    if connection.execute(select(tables.meta.c.id)).first() is None:
        connection.execute(
            insert(tables.meta).values(id=1, database_id=str(uuid4()), created_at=at)
        )


def _recorded_version(connection: Connection) -> str | None:
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.execute(select(_version.c.version_num)).scalar()


def _refuse_foreign(present: list[str], place: Place) -> None:
    if present and VERSION_TABLE not in present:
        raise StateError(
            f"{place} holds tables of another program (`{present[0]}`)",
            fix="Give sorafile a database of its own: set `project.state`.",
        )


def _refuse_newer(version: str, place: Place) -> None:
    if version > SCHEMA:
        raise StateError(
            f"{place} was written by a newer release of sorafile (schema {version}; this one"
            f" knows {SCHEMA}), and this one would not understand what it records",
            fix="Install that release, or a later one: `pip install --upgrade sorafile`.",
        )


def _migrate(connection: Connection) -> None:
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
