"""A restore that is killed at any moment has happened whole, or not at all."""

import itertools
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event

from reconciler.domain.errors import DamagedStateError
from reconciler.state.export import Export
from state.desk import Desk, bought
from state.test_state_export import but_its_id, care_of, exported, live

FILES = frozenset({"os.link", "os.mkdir", "os.remove", "os.rename", "sqlite3.connect"})
ROWS = frozenset({"before_cursor_execute", "commit"})
GARBAGE = b"not a database at all\n" * 400


def is_killed(moment: int, kinds: frozenset[str], desk: Desk, export: Export) -> bool:
    """Restore in a process that is killed at the n-th moment, if it has so many."""
    child = os.fork()
    if child == 0:
        _die_at(moment, kinds)
        care_of(desk).restore(export)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) in {0, -signal.SIGKILL}
    return os.WIFSIGNALED(status)


def _die_at(moment: int, kinds: frozenset[str]) -> None:
    """Count changes of names on the disk, and what is sent to the database."""
    left = moment

    def count(*_facts: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def audit(name: str, _facts: Any) -> None:
        if name in kinds:
            count()

    sys.addaudithook(audit)
    for name in kinds & ROWS:
        event.listen(Engine, name, count)


def killed_restores(
    desk: Desk, export: Export, kinds: frozenset[str], folder: Path
) -> Iterator[int]:
    """Begin each time with the same files in the folder, and be killed ever later."""
    files = {each.name: each.read_bytes() for each in folder.iterdir()}
    for moment in itertools.count(1):
        for left in folder.iterdir():
            left.unlink()
        for name, data in files.items():
            (folder / name).write_bytes(data)
        if not is_killed(moment, kinds, desk, export):
            return
        yield moment


@pytest.fixture
def new(tmp_path: Path) -> Export:
    desk = Desk(root=tmp_path / "new")
    live(desk)
    return exported(desk)


def test_of_a_sound_database_the_old_or_the_new_state_is_there(
    database: Path, file_desk: Desk, new: Export
) -> None:
    with file_desk.writer() as writer:
        bought(writer, prompt="a whale")
    old = exported(file_desk)
    states: set[str] = set()
    for moment in killed_restores(file_desk, new, FILES | ROWS, database.parent):
        found = but_its_id(exported(file_desk))
        assert found in (but_its_id(old), but_its_id(new)), moment
        states.add("old" if found == but_its_id(old) else "new")
        with file_desk.writer():
            pass
    assert moment > 50
    assert "old" in states
    assert but_its_id(exported(file_desk)) == but_its_id(new)


def test_of_a_damaged_database_it_or_the_new_state_is_there(
    database: Path, file_desk: Desk, new: Export
) -> None:
    database.write_bytes(GARBAGE)
    database.with_name(f"{database.name}-wal").write_bytes(b"what was in the log")
    for moment in killed_restores(file_desk, new, FILES, database.parent):
        with suppress(DamagedStateError):
            assert but_its_id(exported(file_desk)) == but_its_id(new), moment
        left = [each.read_bytes() for each in database.parent.iterdir()]
        assert GARBAGE in left, moment
        assert b"what was in the log" in left, moment
        care_of(file_desk).restore(new)
        assert but_its_id(exported(file_desk)) == but_its_id(new), moment
    assert moment > 10
    assert but_its_id(exported(file_desk)) == but_its_id(new)
