"""A damaged database is told as such, with the ways out, and nothing of it is thrown away."""

import random
import shutil
import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing, suppress
from pathlib import Path

import pytest

from reconciler.domain.errors import DamagedStateError, StateError
from reconciler.state.care import StateCare, care_for
from state.desk import STREET, Desk, a_run, an_intent, bought
from state.test_state_export import live


@pytest.fixture
def lived(database: Path, file_desk: Desk) -> Path:
    """The file of a state that holds something."""
    live(file_desk)
    return database


def care_of(desk: Desk) -> StateCare:
    return care_for(desk.url, desk.root, desk.clock_now)


def write(desk: Desk) -> None:
    with desk.writer() as writer:
        bought(writer, prompt="a whale", remote_id="video_77")
        writer.read()


def all_doors(desk: Desk) -> list[Callable[[], object]]:
    care = care_of(desk)
    return [desk.read, lambda: desk.read("draft"), lambda: write(desk), care.export, care.check]


def told_by(door: Callable[[], object]) -> DamagedStateError:
    with pytest.raises(DamagedStateError) as told:
        door()
    return told.value


def test_an_empty_file_was_cut_and_the_log_beside_it_is_kept(lived: Path, file_desk: Desk) -> None:
    log = lived.with_name(f"{lived.name}-wal")
    with closing(sqlite3.connect(lived)) as other:
        other.execute("CREATE TABLE keepsake (word TEXT)")
        whole = log.read_bytes()
    lived.write_bytes(b"")
    log.write_bytes(whole)
    for door in all_doors(file_desk)[:-1]:
        assert "empty file" in told_by(door).message
    (found,) = care_of(file_desk).check()
    assert "empty file" in found.summary
    assert lived.read_bytes() == b""
    assert log.read_bytes() == whole != b""


def test_a_restore_keeps_the_log_of_a_database_that_was_cut_to_nothing(
    lived: Path, file_desk: Desk
) -> None:
    """What was committed last may be nowhere but there."""
    export = care_of(file_desk).export()
    assert export is not None
    with closing(sqlite3.connect(lived)) as other:
        other.execute("CREATE TABLE keepsake (word TEXT)")
        logged = lived.with_name(f"{lived.name}-wal").read_bytes()
    lived.write_bytes(b"")
    lived.with_name(f"{lived.name}-wal").write_bytes(logged)
    kept = care_of(file_desk).restore(export)
    assert kept is not None
    assert kept.read_bytes() == b""
    assert kept.with_name(f"{kept.name}-wal").read_bytes() == logged != b""


def test_a_restore_keeps_a_folder_that_lies_where_the_database_was(
    lived: Path, file_desk: Desk
) -> None:
    export = care_of(file_desk).export()
    assert export is not None
    lived.unlink()
    lived.mkdir()
    (lived / "keepsake").touch()
    kept = care_of(file_desk).restore(export)
    assert kept is not None
    assert [each.name for each in kept.iterdir()] == ["keepsake"]
    assert file_desk.read().videos.keys() == {STREET}


def test_a_first_run_that_is_killed_leaves_no_empty_file(file_desk: Desk) -> None:
    """Between making the file and the first commit there is a database without tables."""
    (file_desk.root / "state").mkdir()
    file = file_desk.root / "state" / "sorafile.db"
    seen: list[int] = []

    def watch(name: str, _arguments: object) -> None:
        if name in {"sqlite3.connect", "os.rename"} and file.exists():
            seen.append(file.stat().st_size)

    sys.addaudithook(watch)
    with file_desk.writer():
        pass
    assert seen
    assert 0 not in seen


def test_the_log_of_a_database_that_was_deleted_is_not_read_into_a_new_one(
    lived: Path, file_desk: Desk
) -> None:
    log = lived.with_name(f"{lived.name}-wal")
    with closing(sqlite3.connect(lived)) as other:
        other.execute("CREATE TABLE keepsake (word TEXT)")
        left = log.read_bytes()
    lived.unlink()
    log.write_bytes(left)
    assert file_desk.read().database_id is None
    write(file_desk)
    assert len(file_desk.read().generations) == 1
    (aside,) = lived.parent.glob("sorafile.db.left-*-wal")
    assert aside.read_bytes() == left


@pytest.mark.parametrize("link", ["state", "state/sorafile.db"])
def test_a_database_behind_a_link_to_what_is_away_is_not_taken_as_absent(
    file_desk: Desk, link: str
) -> None:
    place = file_desk.root / link
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(file_desk.root / "unmounted" / "place")
    for door in all_doors(file_desk):
        with pytest.raises(StateError, match="unmounted") as told:
            door()
        assert "Mount" in str(told.value.fix)
    assert not (file_desk.root / "unmounted").exists()


def test_the_ways_out_name_the_newest_copy_beside(lived: Path, file_desk: Desk) -> None:
    care = care_of(file_desk)
    export = care.export()
    assert export is not None
    kept = care.restore(export)
    lived.write_bytes(b"x" * 9000)
    for door in (file_desk.read, lambda: write(file_desk), care.export):
        told = told_by(door)
        for way in ("sorafile state restore", str(kept), "sidecars", "remote list"):
            assert way in str(told.fix)


def test_a_schema_that_lacks_a_table_is_damage(lived: Path, file_desk: Desk) -> None:
    file_desk.write_behind("DROP TABLE published_files")
    assert "published_files" in told_by(file_desk.read).message
    assert "published_files" in told_by(care_of(file_desk).export).message


def test_tables_without_their_version_are_not_taken_as_nothing(
    lived: Path, file_desk: Desk
) -> None:
    file_desk.write_behind("DROP TABLE schema_version")
    with pytest.raises(StateError, match="another program"):
        file_desk.read()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE videos SET address = 'a[,]]'",
        "UPDATE videos SET tags = 'no json'",
        "UPDATE generations SET created_at = 9000000000000000000",
        "UPDATE published_files SET variant = CAST(x'ff' AS TEXT)",
        "DELETE FROM meta",
    ],
)
def test_rows_that_no_release_writes_are_damage(
    lived: Path, file_desk: Desk, statement: str
) -> None:
    with closing(sqlite3.connect(lived)) as connection, connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(statement)
    assert "sorafile.db" in told_by(file_desk.read).message


def test_a_sound_database_has_no_findings(lived: Path, file_desk: Desk) -> None:
    assert care_of(file_desk).check() == ()


def test_what_contradicts_itself_is_found(lived: Path, file_desk: Desk) -> None:
    with closing(sqlite3.connect(lived)) as connection, connection:
        connection.execute("DELETE FROM generations WHERE remote_id = 'video_1'")
        connection.execute("UPDATE recipes SET canonical = '{}' WHERE digest LIKE 'sha256:%'")
    found = care_of(file_desk).check()
    assert any("of assets refers to a row of generations" in each.summary for each in found)
    assert any("holds the text of another" in each.summary for each in found)
    assert all(each.severity == "error" and each.fix for each in found)


def test_what_killed_runs_left_is_found_and_is_no_damage(lived: Path, file_desk: Desk) -> None:
    lived.with_name("sorafile.db.0123456789abcdef.part").touch()
    lived.with_name("sorafile.db.damaged-20261122T120000000000Z").touch()
    found = care_of(file_desk).check()
    assert [each.severity for each in found] == ["warning", "warning"]


def damaged(whole: bytes, dice: random.Random) -> bytes:
    """A database as a broken disk would give it back."""
    data = bytearray(whole)
    match dice.choice(["cut", "bit", "page", "run"]):
        case "cut":
            del data[dice.randrange(len(data)) :]
        case "bit":
            for _ in range(dice.randint(1, 40)):
                data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        case "page":
            at = dice.randrange(len(data) // 4096) * 4096
            data[at : at + 4096] = bytes(4096)
        case _:
            at, length = dice.randrange(len(data)), dice.randint(1, 3000)
            data[at : at + length] = dice.randbytes(len(data[at : at + length]))
    return bytes(data)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_is_damaged_nothing_but_plain_words_come_of_it(
    lived: Path, file_desk: Desk, seed: int
) -> None:
    """The seed is the test's own name."""
    lived.write_bytes(damaged(lived.read_bytes(), random.Random(seed)))
    for door in all_doors(file_desk):
        with suppress(StateError):
            door()


@pytest.mark.parametrize("seed", range(60, 90))
def test_what_is_found_to_be_sound_can_be_read(lived: Path, file_desk: Desk, seed: int) -> None:
    lived.write_bytes(damaged(lived.read_bytes(), random.Random(seed)))
    if not any(each.severity == "error" for each in care_of(file_desk).check()):
        file_desk.read()
        care_of(file_desk).export()


@pytest.mark.parametrize("there_is_another", [False, True])
def test_a_run_whose_database_is_gone_from_its_place_writes_nothing_more(
    database: Path, file_desk: Desk, there_is_another: bool
) -> None:
    """Whoever looks there next knows nothing of it, and would buy what it is buying."""
    with file_desk.writer() as writer:
        run = a_run(writer)
        aside = database.rename(database.with_name("aside.db"))
        if there_is_another:
            shutil.copy(aside, database)
        with pytest.raises(StateError, match="deleted, moved or replaced"):
            writer.reserve(an_intent(), run)


def test_a_run_goes_on_once_its_database_is_back(database: Path, file_desk: Desk) -> None:
    with file_desk.writer() as writer:
        run = a_run(writer)
        aside = database.rename(database.with_name("aside.db"))
        with pytest.raises(StateError):
            writer.heartbeat()
        aside.rename(database)
        writer.reserve(an_intent(), run)
