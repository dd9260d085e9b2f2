"""Reading: it makes nothing, waits for nobody, and sees one moment."""

from contextlib import ExitStack
from pathlib import Path

from sqlalchemy import insert

from reconciler.domain.desired import DEFAULT_LIFECYCLE
from reconciler.domain.recorded import NOTHING_RECORDED
from reconciler.state import tables
from reconciler.state.place import locate
from state.desk import STREET, Desk, a_run, an_asset, an_intent, bought


def test_where_there_is_no_database_nothing_is_recorded_and_nothing_is_made(
    file_desk: Desk,
) -> None:
    assert file_desk.read() == NOTHING_RECORDED
    assert list(file_desk.root.iterdir()) == []


def test_an_empty_database_records_nothing(desk: Desk) -> None:
    assert desk.read() == NOTHING_RECORDED


def test_a_workspace_that_was_never_used_sees_what_others_bought_and_is_not_made(
    desk: Desk,
) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
    seen = desk.read("new")
    assert seen.videos == {}
    assert seen.generations == {generation.id: generation}
    assert seen.held_elsewhere == {generation.id}
    assert len(seen.attempts) == 1
    assert desk.rows("SELECT name FROM workspaces") == [("default",)]


def test_the_database_keeps_its_identity(desk: Desk) -> None:
    with desk.writer():
        first = desk.read().database_id
    with desk.writer("draft"):
        pass
    assert first is not None
    assert desk.read().database_id == first


def test_another_database_has_another_identity(tmp_path: Path) -> None:
    identities = set()
    for name in ("one", "two"):
        other = Desk(root=tmp_path / name)
        with other.writer():
            identities.add(other.read().database_id)
    assert len(identities) == 2


def test_a_reader_sees_the_last_commit_while_another_writes(desk: Desk) -> None:
    with desk.writer() as writer, ExitStack() as stack:
        generation = bought(writer)
        engine = stack.enter_context(locate(desk.url, desk.root).writing())
        connection = stack.enter_context(engine.begin())
        connection.execute(insert(tables.workspaces).values(name="open", created_at=desk.now))
        assert desk.read().generations == {generation.id: generation}
        assert desk.rows("SELECT name FROM workspaces") == [("default",)]


def test_a_writer_reads_its_own_writes(desk: Desk) -> None:
    with desk.writer() as writer:
        generation = bought(writer)
        writer.stored(generation.id, an_asset())
        writer.promote(STREET, DEFAULT_LIFECYCLE, ())
        assert writer.read() == desk.read()
        assert writer.read().videos[STREET].current is not None


def test_all_live_attempts_are_told_whoever_made_them(desk: Desk) -> None:
    with desk.writer() as writer, desk.writer("draft") as other:
        writer.reserve(an_intent(prompt="one"), a_run(writer))
        other.reserve(an_intent(prompt="two"), a_run(other))
        given_up = other.reserve(an_intent(prompt="three"), a_run(other))
        other.not_sent(given_up, "x")
    assert len(desk.read().attempts) == len(desk.read("draft").attempts) == 2
