"""Whatever is wrong with the database is told in plain words, with what to do."""

import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from disks import small_disk
from reconciler.domain.errors import StateError
from reconciler.state.database import open_reader
from reconciler.state.failures import translated
from state.desk import Desk, bought

TESTS = Path(__file__).parents[1]


def both(desk: Desk) -> list[StateError]:
    """What reading and writing say."""
    told = []
    with pytest.raises(StateError) as read:
        desk.read()
    told.append(read.value)
    with pytest.raises(StateError) as written, desk.writer():
        pass
    told.append(written.value)
    assert all(each.fix for each in told)
    return told


def test_a_file_that_is_no_database_is_told_and_left_alone(file_desk: Desk) -> None:
    file = file_desk.root / "state" / "sorafile.db"
    file.parent.mkdir()
    content = b"shopping list: milk, bread, and one more line for length\n" * 40
    file.write_bytes(content)
    for told in both(file_desk):
        assert "sorafile.db" in told.message
        assert "damaged" in told.message
    assert file.read_bytes() == content


def test_a_damaged_database_is_told(database: Path, file_desk: Desk) -> None:
    with file_desk.writer() as writer:
        for number in range(30):
            bought(writer, prompt=f"video {number} " * 100, remote_id=f"video_{number}")
    whole = database.read_bytes()
    database.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    for told in both(file_desk):
        assert "damaged" in told.message


def test_a_folder_where_the_file_should_be_is_told(file_desk: Desk) -> None:
    (file_desk.root / "state" / "sorafile.db").mkdir(parents=True)
    for told in both(file_desk):
        assert "cannot be" in told.message


def test_a_disk_without_room_for_the_first_page_leaves_no_empty_file(file_desk: Desk) -> None:
    """An empty file would be taken for a database that was cut, for ever."""
    with small_disk(file_desk.root / "state", "4k") as disk:
        with pytest.raises(StateError, match="the disk is full"), file_desk.writer():
            pass
        assert list(disk.place.iterdir()) == []
        disk.grow("4m")
        with file_desk.writer() as writer:
            bought(writer)


def test_a_full_disk_is_told_to_readers_too(file_desk: Desk) -> None:
    """They need room for the index of a log, which the last writer took away."""
    with small_disk(file_desk.root / "state", "4m") as disk:
        with file_desk.writer() as writer:
            bought(writer)
        disk.fill()
        for told in both(file_desk):
            assert "the disk is full" in told.message
            assert "Make room" in str(told.fix)


def test_a_file_where_the_folder_should_be_is_told(file_desk: Desk) -> None:
    (file_desk.root / "state").write_text("")
    assert file_desk.read().database_id is None
    with pytest.raises(StateError, match="folder"), file_desk.writer():
        pass


def test_a_lock_that_is_never_given_back_is_told(tmp_path: Path) -> None:
    file = tmp_path / "a.db"
    with (
        closing(sqlite3.connect(file, isolation_level=None)) as one,
        closing(sqlite3.connect(file, isolation_level=None, timeout=0)) as other,
    ):
        one.execute("BEGIN IMMEDIATE")
        with pytest.raises(StateError, match="locked by another program"), translated("it"):
            other.execute("BEGIN IMMEDIATE")


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("sqlite://", "no file"),
        ("sqlite:///:memory:", "no file"),
        ("sqlite:///file:state.db?mode=ro&uri=true", "no file"),
        ("sqlite:///file:state.db", "no file"),
        ("sqlite:///state.db?timeout=0", "no file"),
        ("sqlite://state/sorafile.db", "no file"),
        ("sqlite+aiosqlite:///state.db", "aiosqlite"),
        ("file:state.db", "no URL"),
        ("state/sorafile.db", "no URL"),
        ("mysql://me:hunter2@host/db", "mysql"),
        ("://me:hunter2@host", "no URL"),
    ],
)
def test_an_url_that_is_not_supported_is_refused_with_what_is(
    tmp_path: Path, url: str, hint: str
) -> None:
    desk = Desk(root=tmp_path, url=url)
    for told in both(desk):
        assert hint in told.message
        assert "sqlite:///state/sorafile.db" in str(told.fix)
        assert "postgresql+psycopg" in str(told.fix)
        assert "hunter2" not in f"{told} {told.fix}"
    assert list(tmp_path.iterdir()) == []


def test_a_server_that_is_away_or_a_missing_driver_shows_no_password(tmp_path: Path) -> None:
    url = "postgresql+psycopg://me:hunter2@127.0.0.1:1/db?connect_timeout=2"
    with pytest.raises(StateError) as told:
        open_reader(url, tmp_path, "default").read()
    assert told.value.fix
    assert "hunter2" not in f"{told.value} {told.value.fix}"


def test_a_value_that_contradicts_the_database_is_told_as_a_mistake_of_ours(
    file_desk: Desk,
) -> None:
    with file_desk.writer() as writer:
        generation = bought(writer)
        with pytest.raises(StateError, match="contradicts") as told:
            writer.bind(generation=generation.id, address=Nameless())  # type: ignore[arg-type]
        assert "report" in str(told.value.fix)


class Nameless:
    def __str__(self) -> str:
        return ""


CHILD = """
import sys
from pathlib import Path
from reconciler.domain.errors import StateError
from state.desk import Desk, bought
desk = Desk(root=Path(sys.argv[1]))
try:
    print("read", len(desk.read().generations))
except StateError as error:
    print("read", error, "|", error.fix)
try:
    with desk.writer() as writer:
        for number in range(500):
            bought(writer, prompt=f"{number}" * 5000, remote_id=f"new_{number}")
except StateError as error:
    print("write", error, "|", error.fix)
"""


def said_by_child(
    desk: Desk, *command: str, limit: Callable[[], None] | None = None
) -> tuple[str, str]:
    """What reading and writing say in a process that may do less."""
    paths = [*filter(None, sys.path), str(TESTS), str(TESTS.parent)]
    done = subprocess.run(
        [*command, sys.executable, "-c", CHILD, str(desk.root)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "PYTHONDONTWRITEBYTECODE": "1"},
        check=False,
        capture_output=True,
        text=True,
        preexec_fn=limit,
    )
    assert done.returncode == 0, done.stderr
    read, _, written = done.stdout.partition("\nwrite ")
    return read.removeprefix("read "), written


def test_a_disk_that_takes_no_more_is_told(database: Path, file_desk: Desk) -> None:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))

    read, written = said_by_child(file_desk, limit=limit)
    assert read == "0"
    assert "disk" in written
    # What was recorded before is whole.
    assert len(file_desk.read().generations) > 0
    assert file_desk.rows("PRAGMA integrity_check") == [("ok",)]


def without_privilege() -> list[str]:
    """Permissions mean nothing to root, unless it gives up going past them."""
    if os.getuid() != 0:
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        pytest.skip("root goes past permissions")
    return [setpriv, "--bounding-set", "-dac_override,-dac_read_search"]


@pytest.fixture
def locked_away(database: Path, file_desk: Desk) -> Iterator[Path]:
    """A state that can be read, but not written."""
    with file_desk.writer() as writer:
        bought(writer)
    database.chmod(0o400)
    database.parent.chmod(0o500)
    yield database
    database.parent.chmod(0o700)


def test_a_folder_that_may_not_be_written_is_read_and_told(
    locked_away: Path, file_desk: Desk
) -> None:
    read, written = said_by_child(file_desk, *without_privilege())
    assert read == "1"
    assert "cannot be" in written
    assert "writable" in written


def test_a_file_that_may_not_be_read_is_told(locked_away: Path, file_desk: Desk) -> None:
    locked_away.chmod(0)
    read, written = said_by_child(file_desk, *without_privilege())
    for said in (read, written):
        assert "cannot be opened" in said
        assert "accessible" in said


def test_a_folder_that_cannot_be_made_is_told(file_desk: Desk) -> None:
    file_desk.root.chmod(0o500)
    read, written = said_by_child(file_desk, *without_privilege())
    file_desk.root.chmod(0o700)
    assert read == "0"
    assert "folder" in written


def test_a_reader_cannot_write(database: Path, file_desk: Desk) -> None:
    with pytest.raises(StateError, match="cannot be written"):
        file_desk.rows("DELETE FROM workspaces")
