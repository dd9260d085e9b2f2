"""Exports: all that is recorded, and taken back as it was; damage is told with its place."""

import json
import shutil
import sqlite3
from contextlib import closing
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import rule

from reconciler.domain.desired import DEFAULT_LIFECYCLE
from reconciler.domain.errors import ExitCode, LeaseLostError, LockedError, StateError
from reconciler.domain.recorded import JobStatus
from reconciler.state import tables
from reconciler.state.care import StateCare, care_for
from reconciler.state.export import EXPORTED, Export, export_from
from reconciler.state.schema import SCHEMA
from state.desk import (
    ELSEWHERE,
    HERO,
    STREET,
    Desk,
    a_begun_file,
    a_file,
    a_job,
    a_run,
    a_sidecar,
    an_asset,
    an_intent,
    bought,
    sent,
)
from state.test_state_properties import Journal


def care_of(desk: Desk) -> StateCare:
    return care_for(desk.url, desk.root, desk.clock_now)


def exported(desk: Desk) -> Export:
    export = care_of(desk).export()
    assert export is not None
    return export


def but_its_id(export: Export) -> dict[str, Any]:
    """The document without what tells one database from another."""
    document: dict[str, Any] = json.loads(export.to_json())
    for row in document["tables"]["meta"]:
        del row["database_id"]
    return document


def live(desk: Desk) -> None:
    """Something in every table, in two workspaces."""
    with desk.writer() as writer, desk.writer("draft") as other:
        made = bought(writer)
        writer.saw(made.id, a_job(status=JobStatus.COMPLETED))
        writer.stored(made.id, an_asset())
        writer.promote(STREET, DEFAULT_LIFECYCLE, ("launch", "größer \U0001f3ac"))
        writer.published(STREET, a_file())
        writer.publishing(a_begun_file())
        newer = bought(writer, prompt="a dog", remote_id="video_2")
        writer.promote(STREET, DEFAULT_LIFECYCLE, ())
        writer.saw_missing(newer.id)
        writer.ambiguous(
            sent(writer, an_intent(HERO, "a fox", cost=None)), "reset\0 \udcff", made=False
        )
        writer.end_run(a_run(writer), ExitCode.FAILED)
        other.bind(
            HERO, other.recover(a_sidecar("video_9", "an owl", cost_usd=Decimal("0.000001")))
        )


@pytest.fixture
def lived(desk: Desk) -> Desk:
    live(desk)
    return desk


@pytest.fixture
def document(lived: Desk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(exported(lived).to_json())
    return found


def test_an_export_holds_every_row_of_every_table_but_the_leases(lived: Desk) -> None:
    export = exported(lived)
    assert {table.name for table in EXPORTED} == {*tables.metadata.tables} - {"leases"}
    for table in EXPORTED:
        ((count,),) = lived.rows(f"SELECT count(*) FROM {table.name}")
        assert export.count(table.name) == count > 0, table.name


def test_equal_databases_give_equal_bytes(lived: Desk) -> None:
    assert exported(lived).to_json() == exported(lived).to_json()


def test_where_there_is_no_database_nothing_is_exported(file_desk: Desk) -> None:
    assert care_of(file_desk).export() is None
    assert list(file_desk.root.iterdir()) == []


def test_an_export_is_taken_back_as_another_database(lived: Desk, tmp_path: Path) -> None:
    export = exported(lived)
    elsewhere = Desk(root=tmp_path / "elsewhere")
    read = export_from(export.to_json(), "it")
    assert care_of(elsewhere).restore(read) is None
    assert but_its_id(exported(elsewhere)) == but_its_id(export)
    assert elsewhere.everything() == _as_on_sqlite(lived)
    assert elsewhere.read().database_id not in (None, lived.read().database_id)
    assert elsewhere.read("draft").videos == lived.read("draft").videos


def _as_on_sqlite(desk: Desk) -> dict[str, Any]:
    """PostgreSQL has true booleans, where SQLite has numbers."""
    return {
        name: sorted(
            (tuple(int(each) if isinstance(each, bool) else each for each in row) for row in rows),
            key=repr,
        )
        for name, rows in desk.everything().items()
    }


class Exported(Journal):
    """Whatever was recorded by whatever calls, restored over whatever was restored before."""

    def __init__(self) -> None:
        super().__init__()
        self.other = Desk(root=self.root / "other")

    @rule()
    def comes_back_as_it_was(self) -> None:
        if self.writers:
            export = exported(self.desk)
            care_of(self.other).restore(export_from(export.to_json(), "it"))
            assert but_its_id(exported(self.other)) == but_its_id(export)
            assert self.other.read("default").videos == self.desk.read("default").videos


Exported.TestCase.settings = settings(
    max_examples=3,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
test_any_state_comes_back_as_it_was = Exported.TestCase


def test_what_was_there_is_kept_in_a_copy(lived: Desk, tmp_path: Path) -> None:
    before = exported(lived)
    other = Desk(root=tmp_path / "other")
    with other.writer() as writer:
        bought(writer, prompt="a whale")
    kept = care_of(lived).restore(exported(other))
    assert kept is not None
    assert [video.current for video in lived.read().videos.values()] == [None]
    assert care_of(lived).read_back(kept).to_json() == before.to_json()


def test_a_copy_of_an_sqlite_database_is_taken_back_too(
    database: Path, file_desk: Desk, tmp_path: Path
) -> None:
    live(file_desk)
    before = exported(file_desk)
    copy = tmp_path / "copy.bak"
    shutil.copy(database, copy)
    with file_desk.writer() as writer:
        writer.forget(STREET)
    care_of(file_desk).restore(care_of(file_desk).read_back(copy))
    assert but_its_id(exported(file_desk)) == but_its_id(before)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["copy.bak", "state"]


def test_numbers_go_on_after_a_restore(lived: Desk) -> None:
    care_of(lived).restore(exported(lived))
    with lived.writer() as writer:
        bought(writer, prompt="a whale", remote_id="video_77")
    numbers = [number for (number,) in lived.rows("SELECT id FROM ledger ORDER BY id")]
    assert len(numbers) == len(set(numbers))


def test_what_a_dead_run_was_sending_is_ambiguous_after_a_restore(desk: Desk) -> None:
    with desk.writer() as writer:
        sent(writer)
        export = exported(desk)
    care_of(desk).restore(export)
    with desk.writer() as writer:
        writer.void_reserved()
    assert desk.states() == ["ambiguous"]


def test_a_run_that_may_be_alive_forbids_it(desk: Desk) -> None:
    live(desk)
    export = exported(desk)
    with desk.writer("draft", ELSEWHERE) as writer:
        bought(writer, prompt="a whale", remote_id="video_77")
        before = desk.everything()
        with pytest.raises(LockedError, match="draft"):
            care_of(desk).restore(export)
        assert desk.everything() == before


@pytest.mark.parametrize("workspace", ["default", "new"])
def test_who_slept_through_a_restore_can_write_nothing(lived: Desk, workspace: str) -> None:
    export = exported(lived)
    with lived.writer(workspace, ELSEWHERE) as sleeper:
        lived.wait(31)
        care_of(lived).restore(export)
        with lived.writer(workspace):
            before = lived.everything()
            with pytest.raises(LeaseLostError):
                bought(sleeper, prompt="a whale", remote_id="video_77")
            assert lived.everything() == before


DAMAGE = {
    "cut": lambda text: text[: len(text) // 2],
    "empty": lambda _text: "",
    "no JSON": lambda text: f"x{text}",
    "a list": lambda text: f"[{text}]",
    "binary": lambda _text: "\x00\x01\x02",
    "text for a number": lambda text: text.replace('"fence": 1', '"fence": "1"', 1),
    "number for a flag": lambda text: text.replace('"lost": false', '"lost": 0', 1),
    "no moment": lambda text: text.replace("2026-11-22T12:00:00.123457Z", "yesterday", 1),
    "a moment of nowhere": lambda text: text.replace("12:00:00.123457Z", "12:00:00", 1),
    "a column too many": lambda text: text.replace('"digest":', '"colour": "blue", "digest":', 1),
    "a column too few": lambda text: text.replace('"missing_count": 0,', "", 1),
    "a table too few": lambda text: text.replace('"deposed":', '"disposed":', 1),
    "null": lambda text: text.replace('"provider": "studio"', '"provider": null', 1),
}


@pytest.mark.parametrize("how", DAMAGE)
def test_a_damaged_document_is_refused_with_its_place(
    lived: Desk, tmp_path: Path, how: str
) -> None:
    file = tmp_path / "export.json"
    whole = exported(lived).to_json().decode()
    file.write_text(DAMAGE[how](whole))
    assert file.read_text() != whole
    with pytest.raises(StateError, match=r"export\.json") as refused:
        care_of(lived).read_back(file)
    assert refused.value.exit_code is ExitCode.ERROR
    assert any(place in refused.value.message for place in ("line ", "tables.", "an object"))
    assert refused.value.fix


CONTRADICTIONS: dict[str, tuple[str, str, Any]] = {
    "a reference to nothing": ("assets", "generation_id", "nobody"),
    "an unknown word": ("generations", "status", "sleeping"),
    "a negative size": ("assets", "bytes", -1),
    "a number too large": ("assets", "bytes", 2**70),
    "a second one of a kind": ("workspaces", "name", "draft"),
}


@pytest.mark.parametrize("how", CONTRADICTIONS)
def test_an_export_that_contradicts_itself_changes_nothing(
    lived: Desk, document: dict[str, Any], how: str
) -> None:
    table, column, value = CONTRADICTIONS[how]
    document["tables"][table][0][column] = value
    export = export_from(json.dumps(document).encode(), "it")
    before, identity = lived.everything(), lived.read().database_id
    with pytest.raises(StateError, match=rf"tables\.{table}\[\d\]") as refused:
        care_of(lived).restore(export)
    assert refused.value.fix
    assert (lived.everything(), lived.read().database_id) == (before, identity)


def test_an_export_without_its_name_changes_nothing(lived: Desk, document: dict[str, Any]) -> None:
    document["tables"]["meta"] = []
    before = lived.everything()
    with pytest.raises(StateError, match=r"tables\.meta"):
        care_of(lived).restore(export_from(json.dumps(document).encode(), "it"))
    assert lived.everything() == before


@pytest.mark.parametrize(("key", "value"), [("format_version", "2.0"), ("schema", "9999")])
def test_a_newer_document_is_refused_with_the_reason(
    document: dict[str, Any], key: str, value: str
) -> None:
    with pytest.raises(StateError, match=value) as refused:
        export_from(json.dumps(document | {key: value}).encode(), "it")
    assert "upgrade" in str(refused.value.fix)


def test_what_a_later_release_adds_around_the_tables_is_passed_over(
    document: dict[str, Any],
) -> None:
    export_from(json.dumps(document | {"format_version": "1.7", "hue": "blue"}).encode(), "it")


CAME_LATER = {
    "attempts": ["kin", "echo", "lifecycle", "tags", "over_at", "made", "may_repeat"],
    "generations": ["is_ours"],
}


def test_an_older_document_may_lack_what_has_a_default_and_nothing_else(
    lived: Desk, document: dict[str, Any]
) -> None:
    before = lived.read()
    document["schema"] = "0001"
    for table, columns in CAME_LATER.items():
        for row in document["tables"][table]:
            for column in columns:
                del row[column]
    care_of(lived).restore(export_from(json.dumps(document).encode(), "it"))
    assert lived.read().generations == before.generations
    assert len(lived.read().attempts) == len(before.attempts)
    for row in document["tables"]["attempts"]:
        del row["state"]
    with pytest.raises(StateError, match=r"attempts\[0\]\.state"):
        export_from(json.dumps(document).encode(), "it")


def test_rows_that_no_release_writes_are_not_exported(file_desk: Desk, database: Path) -> None:
    live(file_desk)
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("UPDATE generations SET created_at = 'soon'")
    with pytest.raises(StateError, match="damaged"):
        care_of(file_desk).export()


def test_the_schema_of_the_document_is_the_databases(document: dict[str, Any]) -> None:
    assert document["schema"] == SCHEMA
