"""The schema: made by migrations alone, backed up, and refused where it is not understood."""

import os
import re
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from reconciler.domain.errors import StateError
from reconciler.state import tables
from reconciler.state.place import locate
from reconciler.state.schema import MIGRATIONS, SCHEMA, VERSION_TABLE
from state.desk import SQLITE, Desk, bought


def shape(file: Path) -> dict[str, set[str]]:
    """Every table and index, as a set of its clauses."""
    with closing(sqlite3.connect(file)) as connection:
        made = connection.execute(
            "SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL AND name <> ?",
            (VERSION_TABLE,),
        ).fetchall()
    return {name: clauses(sql) for name, sql in made}


def clauses(sql: str) -> set[str]:
    """What stands between the commas of a statement that are in no inner parentheses.

    A column that a migration added stands last, behind the rules, and means the same there.
    """
    flat = re.sub(r"\s+", " ", sql)
    head, _, body = flat.partition("(")
    found, depth, begin = {head.strip()}, 0, 0
    for place, character in enumerate(body):
        depth += {"(": 1, ")": -1}.get(character, 0)
        if depth < 0 or (character == "," and depth == 0):
            found.add(body[begin:place].strip())
            begin = place + 1
    return found | {body[begin:].strip()}


def test_the_migrated_schema_is_that_of_the_tables(desk: Desk) -> None:
    with desk.writer(), locate(desk.url, desk.root).reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, tables.metadata) == []


def test_every_rule_of_the_tables_is_in_the_migrated_schema(database: Path, tmp_path: Path) -> None:
    straight = tmp_path / "straight.db"
    engine = create_engine(f"sqlite:///{straight}")
    tables.metadata.create_all(engine)
    engine.dispose()
    assert shape(database) == shape(straight)


def test_the_newest_migration_is_the_one_that_the_code_expects() -> None:
    config = Config()
    config.set_main_option("script_location", MIGRATIONS)
    assert ScriptDirectory.from_config(config).get_heads() == [SCHEMA]


def test_the_folder_is_made_for_its_user_only(file_desk: Desk) -> None:
    file_desk.url = "sqlite:///new/deep/sorafile.db"
    with file_desk.writer():
        pass
    for folder in (file_desk.root / "new", file_desk.root / "new" / "deep"):
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_an_absolute_path_is_taken_as_it_is(tmp_path: Path) -> None:
    desk = Desk(root=tmp_path / "project", url=f"sqlite:///{tmp_path / 'odd # % name.db'}")
    with desk.writer() as writer:
        bought(writer)
    assert (tmp_path / "odd # % name.db").exists()
    assert len(desk.read().generations) == 1


def test_every_commit_is_synced_and_readers_do_not_wait(database: Path, file_desk: Desk) -> None:
    with locate(SQLITE, file_desk.root).writing() as engine, engine.connect() as connection:
        settings = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert settings == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_alembic_is_not_loaded_when_there_is_nothing_to_migrate(
    database: Path, file_desk: Desk
) -> None:
    script = (
        "import sys; from pathlib import Path; from state.desk import Desk\n"
        "with Desk(root=Path(sys.argv[1])).writer(): pass\n"
        "print([name for name in sys.modules if name.startswith(('alembic', 'mako'))])"
    )
    paths = [*filter(None, sys.path), *map(str, Path(__file__).parents[1:3])]
    done = subprocess.run(
        [sys.executable, "-c", script, str(file_desk.root)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "[]"


def test_an_older_schema_is_backed_up_and_migrated(file_desk: Desk) -> None:
    file = file_desk.root / "state" / "sorafile.db"
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"CREATE TABLE {VERSION_TABLE} (version_num TEXT)")
        connection.execute("CREATE TABLE keepsake AS SELECT 'kept' AS word")
    with file_desk.writer() as writer:
        bought(writer)
    (backup,) = file.parent.glob("sorafile.db.schema-0000-*.bak")
    with closing(sqlite3.connect(backup)) as connection:
        assert connection.execute("SELECT word FROM keepsake").fetchall() == [("kept",)]
        assert connection.execute(f"SELECT * FROM {VERSION_TABLE}").fetchall() == []
    assert file_desk.rows(f"SELECT version_num FROM {VERSION_TABLE}") == [(SCHEMA,)]
    with file_desk.writer():
        pass
    assert len(list(file.parent.glob("*.bak*"))) == 1


def test_a_new_database_needs_no_backup(database: Path) -> None:
    assert [file.name for file in database.parent.iterdir()] == ["sorafile.db"]


def test_a_migration_that_fails_changes_nothing(file_desk: Desk) -> None:
    file = file_desk.root / "state" / "sorafile.db"
    file.parent.mkdir()
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(f"CREATE TABLE {VERSION_TABLE} (version_num TEXT)")
        connection.execute("CREATE TABLE videos (of_another TEXT)")  # the last but two to be made
    before = shape(file)
    with pytest.raises(StateError), file_desk.writer():
        pass
    assert shape(file) == before


def test_an_older_schema_is_not_read_but_told(desk: Desk) -> None:
    with desk.writer():
        pass
    desk.write_behind(f"UPDATE {VERSION_TABLE} SET version_num = '0000'")
    with pytest.raises(StateError, match="older") as refused:
        desk.read()
    assert "apply" in str(refused.value.fix)


def test_a_newer_schema_is_refused_and_left_alone(desk: Desk) -> None:
    with desk.writer():
        pass
    desk.write_behind(f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    before = desk.everything()
    with pytest.raises(StateError, match="newer") as read:
        desk.read()
    with pytest.raises(StateError, match="newer") as written, desk.writer():
        pass
    for refused in (read, written):
        assert "9999" in refused.value.message
        assert refused.value.fix
    assert desk.everything() == before


def test_another_programs_database_is_left_alone(desk: Desk) -> None:
    if desk.url == SQLITE:
        (desk.root / "state").mkdir()
    desk.write_behind("CREATE TABLE customers (name TEXT)")
    with pytest.raises(StateError, match="customers"), desk.writer():
        pass
    with pytest.raises(Exception, match="workspaces"):
        desk.rows("SELECT * FROM workspaces")
